package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command on a terminal, where it draws and colours.
func onTerminal(t *testing.T, args []string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		io.Copy(&shown, master) // ends with an error when nobody holds the terminal any more
		close(read)
	}()
	run(context.Background(), args, strings.NewReader(""), tty, tty)
	tty.Close()
	<-read
	if strings.Contains(shown.String(), "\ufffd[") { // nothing in evil becomes that
		t.Errorf("nebula %q on a terminal: a colour of its own is taken for a stranger's escape: %q", args, shown.String())
	}
	for _, what := range obeyed {
		if strings.Contains(shown.String(), what) {
			t.Errorf("nebula %q on a terminal: %q comes through: %q", args, what, shown.String())
		}
	}
}
