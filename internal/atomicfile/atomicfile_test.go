package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func put(t *testing.T, name, s string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(name, []byte(s), 0o600), os.Chmod(name, mode)); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, name, want string) {
	t.Helper()
	if b, err := os.ReadFile(name); err != nil || string(b) != want {
		t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
	}
}

// nothingElse checks that no file lies in a folder that has no business there.
func nothingElse(t *testing.T, dir string) {
	t.Helper()
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		if strings.HasPrefix(e.Name(), ".nebula-") {
			t.Errorf("%s was left in %s", e.Name(), dir)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Run("new", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), strings.Repeat("x", 250)) // as long as a name may be, nearly
		if err := Write(name, text("new")); err != nil {
			t.Fatal(err)
		}
		holds(t, name, "new")
		nothingElse(t, filepath.Dir(name))
	})
	t.Run("a content that fails", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "f")
		put(t, name, "old", 0o644)
		boom := errors.New("boom")
		err := Write(name, func(w io.Writer) error {
			io.WriteString(w, strings.Repeat("half", 1<<16))
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
		holds(t, name, "old")
		nothingElse(t, filepath.Dir(name))
	})
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{dir, dir + "/", dir + "/none/", filepath.Join(dir, "none", "f")} {
			if err := Write(name, text("x")); err == nil {
				t.Errorf("%s was written", name)
			}
		}
		nothingElse(t, filepath.Dir(dir))
	})
	t.Run("no name", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := Write("", text("x")); err == nil {
			t.Error("it was written")
		}
		if err := Write("f", text("x")); err != nil {
			t.Error(err)
		}
		holds(t, "f", "x")
	})
}

func TestCreate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := Create(name, text("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(name, text("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
	holds(t, name, "first")
	nothingElse(t, filepath.Dir(name))
}

// TestRenameNew does what Create does where there are no hard links.
func TestRenameNew(t *testing.T) {
	dir := t.TempDir()
	name, from := filepath.Join(dir, "f"), filepath.Join(dir, "from")
	put(t, from, "first", 0o600)
	if err := renameNew(from, name); err != nil {
		t.Fatal(err)
	}
	put(t, from, "second", 0o600)
	if err := renameNew(from, name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
	holds(t, name, "first")
	other := filepath.Join(dir, "g")
	if err := renameNew(filepath.Join(dir, "none"), other); err == nil {
		t.Error("nothing was renamed")
	}
	if _, err := os.Lstat(other); err == nil {
		t.Error("the reserved name stays")
	}
}

// TestWriteAtOnce lets many write one file: it holds what one of them wrote.
func TestWriteAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	errs := make(chan error)
	for n := range 8 {
		go func() { errs <- Write(name, text(strings.Repeat(fmt.Sprint(n), 1<<17))) }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil || len(b) != 1<<17 || strings.Trim(string(b), string(b[:1])) != "" {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	nothingElse(t, filepath.Dir(name))
}

// TestCheck: what can't be written is known before anything is.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, to := range map[string]string{"loop": "loop", "dangling": "new", "astray": filepath.Join("none", "new")} {
		if err := os.Symlink(to, at(name)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.WriteFile(at("there"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, fine := range map[string]bool{
		"new": true, "there": true, "dangling": true, os.DevNull: true,
		"": false, "loop": false, "astray": false, filepath.Join("none", "new"): false, filepath.Join("there", "new"): false,
	} {
		path := at(name)
		if name == os.DevNull {
			path = name
		}
		if err := Check(path); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("it left %v, %v", left, err)
	}
}
