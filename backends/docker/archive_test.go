package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// imageOf makes an image of a file, for a processor.
func imageOf(t *testing.T, architecture string, file []byte, kind types.MediaType) v1.Image {
	t.Helper()
	body := tarOf(t, map[string][]byte{"function": file})
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil })
	if kind == types.OCILayerZStd {
		layer, err = tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			var b bytes.Buffer
			z, err := zstd.NewWriter(&b)
			if err == nil {
				z.Write(body)
				err = z.Close()
			}
			return io.NopCloser(&b), err
		}, tarball.WithMediaType(kind))
	}
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, MediaType: kind})
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c.OS, c.Architecture, c.Config.Entrypoint = "linux", architecture, []string{"/function"}
	if img, err = mutate.ConfigFile(img, c); err != nil {
		t.Fatal(err)
	}
	if kind != types.DockerLayer {
		img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	return img
}

// dockerSave writes an archive as docker save does.
func dockerSave(t *testing.T, images map[string]v1.Image) []byte {
	t.Helper()
	refs := map[name.Reference]v1.Image{}
	for n, img := range images {
		ref, err := name.ParseReference(n)
		if err != nil {
			t.Fatal(err)
		}
		refs[ref] = img
	}
	var b bytes.Buffer
	if err := tarball.MultiRefWrite(refs, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ociLayout writes the archive of an OCI layout.
func ociLayout(t *testing.T, add func(layout.Path) error) []byte {
	t.Helper()
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = add(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// otherArchitecture is one that this machine does not have.
func otherArchitecture() string {
	if runtime.GOARCH == "s390x" {
		return "ppc64le"
	}
	return "s390x"
}

// TestArchivesRun runs the same program from every kind of archive. The
// engine has afterwards what it had before, whoever else had the image.
func TestArchivesRun(t *testing.T) {
	testenv.Need(t, "docker")
	binary := probeProgram(t)
	img := imageOf(t, runtime.GOARCH, binary, types.DockerLayer)
	oci := imageOf(t, runtime.GOARCH, binary, types.OCILayer)
	compressed := imageOf(t, runtime.GOARCH, binary, types.OCILayerZStd)
	other := imageOf(t, otherArchitecture(), nil, types.OCILayer)
	const tag = "nebula-test/archive:1"
	saved := dockerSave(t, map[string]v1.Image{tag: img})
	one := func(img v1.Image) func(layout.Path) error {
		return func(p layout.Path) error {
			return p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1"}))
		}
	}
	platforms := func(p layout.Path) error {
		return p.AppendIndex(mutate.AppendManifests(empty.Index,
			mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: otherArchitecture()}}},
			mutate.IndexAddendum{Add: oci, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}},
			mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}}))
	}
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	load := func(t *testing.T, archive []byte) {
		t.Helper()
		resp, err := c.ImageLoad(t.Context(), bytes.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := messages(resp.Body, "load"); err != nil {
			t.Fatal(err)
		}
	}
	stranger := dockerSave(t, map[string]v1.Image{tag: imageOf(t, runtime.GOARCH, []byte("another"), types.DockerLayer)})
	id, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		archive []byte
		there   []byte // loaded before
		untag   bool   // and its name taken away
	}{
		"saved":                            {archive: saved},
		"saved, gzip":                      {archive: gzipped(t, saved)},
		"saved, the engine has it":         {archive: saved, there: saved},
		"saved, the engine has it unnamed": {archive: saved, there: saved, untag: true},
		"saved, another has the name":      {archive: saved, there: stranger},
		"saved without a name":             {archive: dockerSave(t, map[string]v1.Image{"a@" + id.String(): img})},
		"OCI":                              {archive: ociLayout(t, one(oci))},
		"OCI, gzip":                        {archive: gzipped(t, ociLayout(t, one(oci)))},
		"OCI, zstd layer":                  {archive: ociLayout(t, one(compressed))},
		"OCI, several platforms":           {archive: ociLayout(t, platforms)},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.there != nil {
				load(t, tt.there)
				defer c.ImageRemove(t.Context(), tag, image.RemoveOptions{})
			}
			if tt.untag {
				keep, err := c.ImageInspect(t.Context(), tag)
				if err != nil {
					t.Fatal(err)
				}
				load(t, dockerSave(t, map[string]v1.Image{tag: imageOf(t, runtime.GOARCH, []byte("third"), types.DockerLayer)}))
				defer c.ImageRemove(t.Context(), keep.ID, image.RemoveOptions{})
			}
			before := engineHolds(t, c)
			file := filepath.Join(t.TempDir(), "f.tar")
			if err := os.WriteFile(file, tt.archive, 0o644); err != nil {
				t.Fatal(err)
			}
			f := experiment.Function{Name: "F 1", Source: "f.tar", Path: file}
			if err := CheckFunction(f); err != nil {
				t.Error(err)
			}
			a := backendtest.Prepare(t, &Options{}, f)
			r := backendtest.Trial(t, a, experiment.Cold, backends.Request{Stdin: []byte("hello"), Args: []string{"echo"}}, patience)
			if r.Err != nil || string(r.Stdout) != "hello" {
				t.Errorf("answer %q, %v, %s", r.Stdout, r.Err, r.Stderr)
			}
			if err := a.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if after := engineHolds(t, c); after != before {
				t.Errorf("the engine held\n%s\nand holds\n%s", before, after)
			}
		})
	}
}

// engineHolds lists every image with its names, container and volume.
func engineHolds(t *testing.T, c *client.Client) string {
	t.Helper()
	images, err := c.ImageList(t.Context(), image.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	containers, err := c.ContainerList(t.Context(), container.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	volumes, err := c.VolumeList(t.Context(), volume.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, i := range images {
		all = append(all, fmt.Sprintf("image %s %q", i.ID, slices.Sorted(slices.Values(i.RepoTags))))
	}
	for _, i := range containers {
		all = append(all, fmt.Sprintf("container %s %q %s", i.ID, i.Names, i.State))
	}
	for _, i := range volumes.Volumes {
		all = append(all, "volume "+i.Name)
	}
	return strings.Join(slices.Sorted(slices.Values(all)), "\n")
}

// TestArchivesRefused: what is wrong with an archive is said in a sentence,
// before anything is unpacked.
func TestArchivesRefused(t *testing.T) {
	img := imageOf(t, runtime.GOARCH, []byte("x"), types.DockerLayer)
	other := imageOf(t, otherArchitecture(), []byte("y"), types.OCILayer)
	files := func(kv ...string) []byte {
		m := map[string][]byte{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = []byte(kv[i+1])
		}
		return tarOf(t, m)
	}
	// Members of gzip follow each other.
	var head bytes.Buffer
	tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "layer", Mode: 0o644, Size: 20 * 64 << 20})
	bomb := append(gzipped(t, head.Bytes()), bytes.Repeat(gzipped(t, make([]byte, 64<<20)), 20)...)
	damaged := ociLayout(t, func(p layout.Path) error { return p.AppendImage(other) })
	digest, err := other.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	config, err := other.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	damaged = bytes.Replace(damaged, config, bytes.Replace(config, []byte("linux"), []byte("plan9"), 1), 1)
	huge, err := json.Marshal(strings.Repeat("x", maxManifest))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		archive []byte
		says    []string
	}{
		"two images": {dockerSave(t, map[string]v1.Image{"one:1": img, "two:2": other}), []string{"f.tar holds 2 images", "one:1", "two:2", "docker save -o", "image ="}},
		"two OCI images": {ociLayout(t, func(p layout.Path) error {
			if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "one"})); err != nil {
				return err
			}
			return p.AppendImage(other, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "two\x1b[31m"}))
		}), []string{"f.tar holds 2 images", "one, two.", "image ="}},
		"another's processor":     {ociLayout(t, func(p layout.Path) error { return p.AppendImage(other) }), []string{"an image for linux/" + otherArchitecture(), "runs linux/" + runtime.GOARCH}},
		"only others' processors": {ociLayout(t, func(p layout.Path) error { return twoPlatforms(p, other) }), []string{"linux/" + otherArchitecture(), "linux/mips"}},
		"damaged OCI":             {damaged, []string{"OCI", "damaged", digest.String()}},
		"no image":                {files("etc/passwd", "root"), []string{"f.tar is not the archive of an image", "manifest.json", "OCI", "base"}},
		"no image in it":          {files("manifest.json", "[]"), []string{"f.tar holds no image"}},
		"no tar":                  {bytes.Repeat([]byte("x"), 2000), []string{"f.tar can't be read as a tar archive"}},
		"nothing":                 {nil, []string{"f.tar is not the archive of an image"}},
		"no JSON":                 {files("manifest.json", "{"), []string{"manifest.json can't be read"}},
		"no configuration":        {files("manifest.json", `[{"Config":"c.json"}]`), []string{`lacks "c.json"`}},
		"a huge manifest":         {files("manifest.json", string(huge)), []string{"manifest.json has", "at most"}},
		"a bomb":                  {bomb, []string{"f.tar unpacks to more than 100 times its size"}},
		"xz":                      {[]byte("\xfd7zXZ\x00 and so on"), []string{"compressed with xz", "xz -d f.tar"}},
		"layers that are not there": {files("manifest.json", `[{"Config":"c.json","Layers":["l"]}]`, "c.json", `{"os":"linux","architecture":"`+runtime.GOARCH+`","rootfs":{"type":"layers","diff_ids":["sha256:`+strings.Repeat("0", 64)+`"]}}`),
			[]string{`lacks "l"`}},
		"layers without a digest": {files("manifest.json", `[{"Config":"c.json","Layers":["l"]}]`, "c.json", `{"os":"linux","architecture":"`+runtime.GOARCH+`"}`), []string{"1 layers", "names 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "f.tar")
			if err := os.WriteFile(file, tt.archive, 0o644); err != nil {
				t.Fatal(err)
			}
			a, err := readArchive(file, runtime.GOARCH)
			if err == nil {
				err = a.fits(runtime.GOARCH)
			}
			if err == nil {
				err = a.write(io.Discard, "a:1", t.TempDir())
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range append(tt.says, "f.tar") {
				if !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "%!") {
					t.Errorf("no %q in: %q", want, err)
				}
			}
		})
	}
}

func twoPlatforms(p layout.Path, img v1.Image) error {
	return p.AppendIndex(mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: otherArchitecture()}}},
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "mips"}}}))
}
