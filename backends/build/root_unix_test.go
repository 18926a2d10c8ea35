//go:build unix

package build

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrustedCache plants caches as another user would.
func TestTrustedCache(t *testing.T) {
	const nobody = 65534
	theirs := func(t *testing.T, dir string) {
		if os.Geteuid() != 0 {
			t.Skip("takes root")
		}
		if err := os.Lchown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(t *testing.T, dir string, mode fs.FileMode) string {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, tt := range []struct {
		name  string
		plant func(t *testing.T, base string) (cache string)
		why   string // empty: it is trusted
	}{
		{"none yet", func(t *testing.T, base string) string { return filepath.Join(base, "a", "b") }, ""},
		{"ours", func(t *testing.T, base string) string { return folder(t, filepath.Join(base, "c"), 0o755) }, ""},
		{"none yet, in a sticky folder", func(t *testing.T, base string) string {
			return filepath.Join(folder(t, filepath.Join(base, "tmp"), 0o777|fs.ModeSticky), "nebula-0")
		}, ""},
		{"our own link", func(t *testing.T, base string) string {
			os.Symlink(folder(t, filepath.Join(base, "c"), 0o700), filepath.Join(base, "l"))
			return filepath.Join(base, "l")
		}, ""},
		{"everybody's", func(t *testing.T, base string) string { return folder(t, filepath.Join(base, "c"), 0o777) }, "may be written by others (mode 0777)"},
		{"everybody's, sticky", func(t *testing.T, base string) string {
			return folder(t, filepath.Join(base, "c"), 0o777|fs.ModeSticky)
		}, "may be written by others"},
		{"a group's", func(t *testing.T, base string) string { return folder(t, filepath.Join(base, "c"), 0o770) }, "may be written by others"},
		{"below everybody's", func(t *testing.T, base string) string {
			return filepath.Join(folder(t, filepath.Join(base, "c"), 0o777), "mine")
		}, "above it, may be written by everybody"},
		{"planted in a sticky folder", func(t *testing.T, base string) string {
			dir := folder(t, filepath.Join(folder(t, filepath.Join(base, "tmp"), 0o777|fs.ModeSticky), "nebula-0"), 0o700)
			theirs(t, dir)
			return dir
		}, "nebula-0 belongs to user 65534"},
		{"below another user's", func(t *testing.T, base string) string {
			dir := folder(t, filepath.Join(base, "home", "cache"), 0o700)
			theirs(t, filepath.Dir(dir))
			return dir
		}, "home belongs to user 65534"},
		{"another user's link to ours", func(t *testing.T, base string) string {
			os.Symlink(folder(t, filepath.Join(base, "c"), 0o700), filepath.Join(base, "l"))
			theirs(t, filepath.Join(base, "l"))
			return filepath.Join(base, "l")
		}, "l belongs to user 65534"},
		{"our link to everybody's", func(t *testing.T, base string) string {
			os.Symlink(folder(t, filepath.Join(base, "c"), 0o777), filepath.Join(base, "l"))
			return filepath.Join(base, "l", "deep")
		}, "c, above it, may be written by everybody"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.plant(t, t.TempDir())
			t.Setenv("NEBULA_CACHE", want)
			t.Cleanup(DropPrivateCache)
			got, why := CacheRoot(), CacheDistrusted()
			if (got == want) != (tt.why == "") || !strings.Contains(why, tt.why) || (why == "") != (tt.why == "") {
				t.Fatalf("cache %s, %q", got, why)
			}
			if again := CacheRoot(); again != got {
				t.Errorf("another one each time: %s, %s", got, again)
			}
			info, err := os.Stat(got)
			if err != nil || tt.why != "" && info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info, err)
			}
			DropPrivateCache()
			if _, err := os.Stat(got); (err == nil) != (tt.why == "") {
				t.Errorf("after: %v", err)
			}
		})
	}
}

// TestNoPlaceForACache has no folder for temporary files: a cache that is not
// trusted is not used all the same.
func TestNoPlaceForACache(t *testing.T) {
	want := filepath.Join(t.TempDir(), "c")
	os.Mkdir(want, 0o700)
	os.Chmod(want, 0o777)
	t.Setenv("NEBULA_CACHE", want)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	t.Cleanup(DropPrivateCache)
	if got, why := CacheRoot(), CacheDistrusted(); got == want || why == "" {
		t.Errorf("cache %s, %q", got, why)
	}
}
