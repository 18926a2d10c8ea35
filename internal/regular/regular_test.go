package regular

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRead reads what is regular and no larger than it may be.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		name, file, want string
		err              error
	}{
		{"file", write(t, filepath.Join(dir, "file"), "1234567890"), "1234567890", nil},
		{"empty", write(t, filepath.Join(dir, "empty"), ""), "", nil},
		{"large", write(t, filepath.Join(dir, "large"), "12345678901"), "", ErrTooLarge},
		{"folder", dir, "", ErrFolder},
		{"missing", filepath.Join(dir, "missing"), "", os.ErrNotExist},
	} {
		b, err := Read(test.file, 10)
		if string(b) != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q, %v", test.name, b, err)
		}
	}
}

// TestDigest sees each change of a folder, and no other.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(change func(dir string)) string {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a"), "1")
		write(t, filepath.Join(dir, "b", "c"), "2")
		if err := os.Symlink("../a", filepath.Join(dir, "b", "link")); err != nil {
			t.Fatal(err)
		}
		change(dir)
		d, err := Digest(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	seen := map[string]string{digest(func(string) {}): "nothing"}
	if seen[digest(func(dir string) { write(t, filepath.Join(dir, "a"), "1") })] == "" {
		t.Error("a file that was written again is another")
	}
	for name, change := range map[string]func(string){
		"a byte":   func(dir string) { write(t, filepath.Join(dir, "a"), "3") },
		"a file":   func(dir string) { write(t, filepath.Join(dir, "d"), "") },
		"a name":   func(dir string) { os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "A")) },
		"a mode":   func(dir string) { os.Chmod(filepath.Join(dir, "a"), 0o755) },
		"a folder": func(dir string) { os.Mkdir(filepath.Join(dir, "e"), 0o755) },
		"a link": func(dir string) {
			os.Remove(filepath.Join(dir, "b", "link"))
			os.Symlink("c", filepath.Join(dir, "b", "link"))
		},
	} {
		d := digest(change)
		if other := seen[d]; other != "" {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
}

// TestNotMounted has folders that show other files to one reader than to the
// next, and one that is being read when the user has enough.
func TestNotMounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, link, want string }{
		{"absolute", "/etc/passwd", `"b/link" in it is a link that leads out of the folder, to "/etc/passwd"`},
		{"out", "../../x", `"b/link" in it is a link that leads out of the folder`},
		{"out and in again", "../../" + "001/a", `"b/link" in it is a link that leads out of the folder`},
		{"out through a link", "d/../../a", `"b/link" in it is a link that leads out of the folder`},
		{"inside", "../a", ""},
		{"nowhere", "nothing", ""},
	} {
		dir := filepath.Join(t.TempDir(), "dir")
		write(t, filepath.Join(dir, "a"), "1")
		write(t, filepath.Join(filepath.Dir(dir), "a"), "a stranger's")
		write(t, filepath.Join(dir, "b", "c"), "1")
		if err := errors.Join(os.Symlink("..", filepath.Join(dir, "b", "d")), os.Symlink(test.link, filepath.Join(dir, "b", "link"))); err != nil {
			t.Fatal(err)
		}
		err := Check(context.Background(), dir)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Digest(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
