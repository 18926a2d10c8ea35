package experiments

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestBusybox makes the same root file system twice, and says what is missing
// where there is nothing to make it of.
func TestBusybox(t *testing.T) {
	testenv.Need(t, "bases")
	make := func(path string) (archive []byte, out string) {
		dir := t.TempDir()
		script := filepath.Join(dir, "busybox.sh")
		content, err := Files.ReadFile("base/busybox.sh")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(script, content, 0o644); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("/bin/sh", script)
		c.Env = []string{"PATH=" + path}
		text, err := c.CombinedOutput()
		archive, rerr := os.ReadFile(filepath.Join(dir, "busybox.tar"))
		if (err == nil) != (rerr == nil) {
			t.Errorf("%v, %v: %s", err, rerr, text)
		}
		return archive, string(text)
	}
	first, out := make(os.Getenv("PATH"))
	second, _ := make(os.Getenv("PATH"))
	if len(first) == 0 || !bytes.Equal(first, second) {
		t.Errorf("%d and %d bytes that are not the same: %s", len(first), len(second), out)
	}
	tools := t.TempDir()
	dirname, err := exec.LookPath("dirname")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dirname, filepath.Join(tools, "dirname")); err != nil {
		t.Fatal(err)
	}
	if archive, out := make(tools); archive != nil || !strings.Contains(out, "apt-get install busybox-static") {
		t.Errorf("without busybox: %d bytes, %q", len(archive), out)
	}
}
