//go:build unix

package regular

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNeverWaits has what would hang, or fill the memory.
func TestNeverWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero", "/dev/null", "/dev/tty"} {
		if _, err := Read(path, 10); !errors.Is(err, ErrSpecial) && path != "/dev/tty" {
			t.Errorf("%s: got %v", path, err)
		}
	}
	began := time.Now()
	// Only root can open it, and would then wait.
	if _, err := Read("/proc/kmsg", 1<<30); err == nil {
		t.Error("the kernel's messages have an end")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it waited %s for the kernel to say something", took)
	}
	if _, err := Digest(context.Background(), dir); err == nil || !strings.Contains(err.Error(), `"pipe" in it is a pipe or a device`) {
		t.Errorf("got %v", err)
	}
}
