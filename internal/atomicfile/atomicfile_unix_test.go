//go:build unix

package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestKept writes over what must stay what it is.
func TestKept(t *testing.T) {
	for _, tt := range []struct {
		name  string
		make  func(t *testing.T, name string)
		check func(t *testing.T, name string)
	}{
		{"mode 0640", func(t *testing.T, name string) {
			put(t, name, "old", 0o640)
		}, func(t *testing.T, name string) {
			if info, _ := os.Lstat(name); info.Mode() != 0o640 {
				t.Errorf("mode %v", info.Mode())
			}
		}},
		{"a link", func(t *testing.T, name string) {
			put(t, name+".target", "old", 0o600)
			os.Symlink(filepath.Base(name)+".target", name)
		}, isLink},
		{"a link to a link", func(t *testing.T, name string) {
			put(t, name+".target", "old", 0o600)
			os.Symlink(name+".target", name+".second")
			os.Symlink(filepath.Base(name)+".second", name)
		}, isLink},
		{"a link to what is not there yet", func(t *testing.T, name string) {
			os.Symlink(filepath.Base(name)+".target", name)
		}, isLink},
		{"a link back over a linked folder", func(t *testing.T, name string) {
			// f → dir/../out, where dir is a link to deep/folder: deep/out.
			base := filepath.Dir(name)
			os.MkdirAll(filepath.Join(base, "deep", "folder"), 0o755)
			os.Symlink(filepath.Join("deep", "folder"), filepath.Join(base, "dir"))
			os.Symlink("dir/../out", name)
		}, func(t *testing.T, name string) {
			isLink(t, name)
			holds(t, filepath.Join(filepath.Dir(name), "deep", "out"), "new")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "f")
			tt.make(t, name)
			if err := Write(name, text("new")); err != nil {
				t.Fatal(err)
			}
			holds(t, name, "new")
			tt.check(t, name)
			nothingElse(t, filepath.Dir(name))
		})
	}
}

func isLink(t *testing.T, name string) {
	t.Helper()
	if info, err := os.Lstat(name); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

func TestLinksInACircle(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	os.Symlink(name, name)
	if err := Write(name, text("x")); err == nil {
		t.Error("it was written")
	}
	isLink(t, name)
}

// TestThrough writes to what is no regular file.
func TestThrough(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		got := make(chan string)
		go func() {
			b, _ := os.ReadFile(name)
			got <- string(b)
		}()
		if err := Write(name, text("through")); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != "through" {
			t.Errorf("read %q", s)
		}
		if info, _ := os.Lstat(name); info.Mode().Type() != os.ModeNamedPipe {
			t.Errorf("it is now %v", info.Mode())
		}
	})
	t.Run("device", func(t *testing.T) {
		// Through a link: a test that fails must not harm the device's folder.
		name := filepath.Join(t.TempDir(), "null")
		os.Symlink(os.DevNull, name)
		if err := Write(name, text("away")); err != nil {
			t.Fatal(err)
		}
		isLink(t, name)
		if info, _ := os.Stat(os.DevNull); info.Mode()&os.ModeCharDevice == 0 {
			t.Errorf("%s is now %v", os.DevNull, info.Mode())
		}
	})
	t.Run("pipe that its reader has left", func(t *testing.T) {
		r, w, _ := os.Pipe()
		r.Close()
		defer w.Close()
		if err := Write("/dev/fd/"+strconv.Itoa(int(w.Fd())), text("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("error %v", err)
		}
	})
}

// TestOwnDescriptor writes to a descriptor of this process by its name, as to
// /dev/stdout: at its place in the file, which others write, too.
func TestOwnDescriptor(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("before ")
	link := filepath.Join(t.TempDir(), "stdout")
	os.Symlink("/dev/fd/"+strconv.Itoa(int(f.Fd())), link)
	if err := Write(link, text("within ")); err != nil {
		t.Fatal(err)
	}
	f.WriteString("after")
	f.Seek(0, io.SeekStart)
	if b, _ := io.ReadAll(f); string(b) != "before within after" {
		t.Errorf("the file holds %q", b)
	}
	if err := Write("/dev/fd/999", text("x")); err == nil {
		t.Error("a descriptor that is not open was written")
	}
}

func TestNewFileHasTheUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	name := filepath.Join(t.TempDir(), "f")
	if err := Write(name, text("x")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(name); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestAnotherOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	name := filepath.Join(t.TempDir(), "f")
	put(t, name, "old", 0o640)
	if err := os.Chown(name, 65534, 4321); err != nil {
		t.Fatal(err)
	}
	if err := Write(name, text("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 65534 || s.Gid != 4321 || info.Mode() != 0o640 {
		t.Errorf("it belongs to %d:%d, mode %v", s.Uid, s.Gid, info.Mode())
	}
	holds(t, name, "new")
}
