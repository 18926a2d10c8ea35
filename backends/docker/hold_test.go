package docker

import (
	"bytes"
	"compress/bzip2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestImagesAreKept: of two owners of one image the last one removes it, and
// clean goes by who lives.
func TestImagesAreKept(t *testing.T) {
	testenv.Need(t, "docker")
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := filepath.Join(t.TempDir(), "f.tar")
	img := imageOf(t, runtime.GOARCH, []byte("kept"), types.DockerLayer)
	if err := os.WriteFile(file, dockerSave(t, map[string]v1.Image{"nebula-test/kept:1": img}), 0o644); err != nil {
		t.Fatal(err)
	}
	before := engineHolds(t, c)
	f := experiment.Function{Name: "kept", Source: "f.tar", Path: file}
	open := func(o backends.Owner) *backend {
		t.Helper()
		s := backendtest.Session(t)
		s.Owner = o
		b, err := (&Options{}).Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return b.(*backend)
	}
	prepare := func(b *backend) *artifact {
		t.Helper()
		a, err := b.Prepare(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return a.(*artifact)
	}
	elsewhere := backends.NewOwner("20260101T000000Z-aaaa")
	elsewhere.Host, elsewhere.Machine, elsewhere.Boot = "another", "0123", "another"
	dead := backends.NewOwner("20260101T000000Z-bbbb")
	dead.PID, dead.Started = 1<<22+1, 1
	ours := backends.NewOwner("20260101T000000Z-cccc")

	first, second, third := open(elsewhere), open(dead), open(ours)
	a, _, live := prepare(first), prepare(second), prepare(third)
	there := func() bool {
		_, err := c.ImageInspect(t.Context(), a.ref)
		return err == nil
	}
	closeAll := func(b *backend, a *artifact) {
		t.Helper()
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	closeAll(third, live)
	if !there() {
		t.Fatal("a run removed an image that another one keeps")
	}
	removed, err := Clean(t.Context())
	if err != nil || !slices.ContainsFunc(removed, func(s string) bool { return strings.HasSuffix(s, " of run "+dead.Run) }) {
		t.Errorf("clean removed %q, %v", removed, err)
	}
	if !there() {
		t.Fatalf("clean removed an image that an owner elsewhere keeps: %q", removed)
	}
	closeAll(first, a)
	if after := engineHolds(t, c); after != before {
		t.Errorf("the engine held\n%s\nand holds\n%s", before, after)
	}
	second.Close(t.Context())
}

// TestBuildOfADeadRun: what a build left that was killed goes with clean, and
// what one elsewhere may still need stays.
func TestBuildOfADeadRun(t *testing.T) {
	testenv.Need(t, "docker")
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := engineHolds(t, c)
	f := experiment.Function{Name: "f", Path: folder(t, map[string]string{"Dockerfile": "FROM scratch AS a\nCOPY x /\nFROM scratch\nCOPY --from=a /x /y\nCOPY none /\n", "x": "x"})}
	leave := func(change func(*backends.Owner)) *backend {
		t.Helper()
		s := backendtest.Session(t)
		change(&s.Owner)
		b, err := (&Options{}).Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Prepare(t.Context(), f); err == nil {
			t.Fatal("it was built")
		}
		return b.(*backend)
	}
	leave(func(o *backends.Owner) { o.PID, o.Started = 1<<22+1, 1 })
	if engineHolds(t, c) == before {
		t.Fatal("the build left nothing: there is nothing to clean")
	}
	if removed, err := Clean(t.Context()); err != nil || engineHolds(t, c) != before {
		t.Errorf("the engine held\n%s\nand holds\n%s\nclean removed %q, %v", before, engineHolds(t, c), removed, err)
	}
	lives := leave(func(o *backends.Owner) { o.Host, o.Machine, o.Boot = "another", "0123", "another" })
	left := engineHolds(t, c)
	if removed, err := Clean(t.Context()); err != nil || engineHolds(t, c) != left {
		t.Errorf("clean removed of another host %q, %v", removed, err)
	}
	if err := lives.Close(t.Context()); err != nil || engineHolds(t, c) != before {
		t.Errorf("the engine held\n%s\nand holds\n%s, %v", before, engineHolds(t, c), err)
	}
}

// TestNamesOfTheUser: a name that a user gives to an image of ours is the
// user's, and so is what is built or run from it.
func TestNamesOfTheUser(t *testing.T) {
	testenv.Need(t, "docker")
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	const mine = "nebula-test/mine:1"
	if err := c.ImageTag(t.Context(), a.ref, mine); err != nil {
		t.Fatal(err)
	}
	defer c.ImageRemove(t.Context(), mine, image.RemoveOptions{})
	used, err := c.ContainerCreate(t.Context(), &container.Config{Image: mine}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.ContainerRemove(t.Context(), used.ID, container.RemoveOptions{})
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Clean(t.Context()); err != nil {
		t.Error(err)
	}
	info, err := c.ImageInspect(t.Context(), mine)
	if err != nil || !slices.Equal(info.RepoTags, []string{mine}) {
		t.Errorf("the user's image is called %q, %v", info.RepoTags, err)
	}
	if _, err := c.ContainerInspect(t.Context(), used.ID); err != nil {
		t.Errorf("the user's container: %v", err)
	}
}

// TestCompressedBases: a root file system may be compressed, and what is none
// is said before anything runs.
func TestCompressedBases(t *testing.T) {
	plain := tarOf(t, map[string][]byte{"etc/release": []byte("base")})
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	w.Close()
	for name, tt := range map[string]struct {
		body []byte
		says string
	}{
		"plain":   {plain, ""},
		"gzip":    {gzipped(t, plain), ""},
		"zstd":    {z.Bytes(), ""},
		"bzip2":   {bzipped(t, plain), ""},
		"xz":      {[]byte("\xfd7zXZ\x00 and so on"), "xz -d base.tar"},
		"text":    {bytes.Repeat([]byte("text"), 1000), "can't be read as a tar archive"},
		"damaged": {gzipped(t, plain)[:20], "can't be read as a tar archive"},
		"image":   {tarOf(t, map[string][]byte{"manifest.json": []byte("[]")}), "is the archive of an image"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.body == nil {
				t.Skip("nothing here compresses like that")
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "base.tar"), tt.body, 0o644); err != nil {
				t.Fatal(err)
			}
			o := &Options{Base: "./base.tar"}
			ps := o.Check(dir)
			if tt.says != "" {
				if len(ps) != 1 || ps[0].Attribute != "base" || !strings.Contains(ps[0].Detail, tt.says) {
					t.Errorf("problems %+v", ps)
				}
				return
			}
			if len(ps) > 0 {
				t.Fatalf("problems %+v", ps)
			}
			testenv.Need(t, "docker")
			a := backendtest.Prepare(t, &Options{Base: filepath.Join(dir, "base.tar")}, backendtest.Probe(t))
			if got := answerOf(t, a, "show", "/etc/release"); got != "base<nil>" {
				t.Errorf("/etc/release is %q", got)
			}
		})
	}
}

// bzipped needs the program, for the library only reads; nil where there is
// none.
func bzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	c := exec.Command("bzip2", "-c")
	c.Stdin = bytes.NewReader(b)
	out, err := c.Output()
	if err != nil {
		return nil
	}
	var back bytes.Buffer
	if _, err := back.ReadFrom(bzip2.NewReader(bytes.NewReader(out))); err != nil || !bytes.Equal(back.Bytes(), b) {
		t.Fatal("it does not give back what it got")
	}
	return out
}
