package docker

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/regular"
)

const (
	// maxManifest is more than registries take of a manifest or a config.
	maxManifest = 4 << 20
	// An archive that unpacks to more than maxUnpacked, and to more than
	// maxRatio times its own size, holds no program.
	maxUnpacked, maxRatio = 1 << 30, 100
)

// archive is a file that holds one image: what docker save writes, or an OCI
// layout (skopeo, podman, buildah, buildx).
type archive struct {
	path   string
	oci    bool
	name   string // what it calls the image; may be empty
	config string // digest of the image's configuration: its id
	// What the configuration says.
	os, architecture string
	files            tarball.Descriptor
	zstd             map[string]bool // layers that older engines can't unpack
}

// readArchive finds the image in an archive, and reads nothing of its layers.
// Of images for several architectures it takes the one for the given
// architecture; an empty one leaves that open.
func readArchive(file, architecture string) (*archive, error) {
	a := &archive{path: file, zstd: map[string]bool{}}
	index, err := a.read("manifest.json", "index.json")
	if err != nil {
		return nil, err
	}
	var config []byte
	switch {
	case index["manifest.json"] != nil:
		config, err = a.saved(index["manifest.json"])
	case index["index.json"] != nil:
		a.oci = true
		config, err = a.layout(index["index.json"], architecture)
	default:
		return nil, fmt.Errorf("%s is not the archive of an image: it has neither a manifest.json, as docker save writes it, nor the index.json of an OCI layout. (The archive of a root file system can be the base of a backend.)", a)
	}
	if err != nil || config == nil {
		return a, err
	}
	c, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("%s: the configuration of its image can't be read: %w", a, err)
	}
	if len(c.RootFS.DiffIDs) != len(a.files.Layers) {
		return nil, fmt.Errorf("%s: its image has %d layers, but its configuration names %d", a, len(a.files.Layers), len(c.RootFS.DiffIDs))
	}
	a.os, a.architecture = c.OS, c.Architecture
	sum := sha256.Sum256(config)
	a.config = "sha256:" + hex.EncodeToString(sum[:])
	return a, nil
}

// String names the archive in messages.
func (a *archive) String() string { return printable(filepath.Base(a.path)) }

// saved reads what docker save wrote.
func (a *archive) saved(manifest []byte) (config []byte, err error) {
	var images tarball.Manifest
	if err := json.Unmarshal(manifest, &images); err != nil {
		return nil, fmt.Errorf("%s: its manifest.json can't be read: %w", a, err)
	}
	if len(images) != 1 {
		var names []string
		for _, i := range images {
			names = append(names, strings.Join(append(i.RepoTags[:len(i.RepoTags):len(i.RepoTags)], i.Config)[:max(1, len(i.RepoTags))], " = "))
		}
		return nil, a.several(names)
	}
	a.files = tarball.Descriptor{Config: images[0].Config, Layers: images[0].Layers}
	if len(images[0].RepoTags) > 0 {
		a.name = images[0].RepoTags[0]
	}
	found, err := a.read(a.files.Config)
	if err != nil {
		return nil, err
	}
	if found[a.files.Config] == nil {
		return nil, fmt.Errorf("%s lacks %q, the configuration of its image", a, a.files.Config)
	}
	return found[a.files.Config], nil
}

// several refuses an archive of more, or fewer, images than one.
func (a *archive) several(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s holds no image", a)
	}
	shown := make([]string, 0, 10)
	for _, n := range names[:min(len(names), 10)] {
		shown = append(shown, printable(n))
	}
	list := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s holds %d images, and a function is one: %s. Save the one you mean alone (docker save -o FILE.tar NAME), or load them all and name it: image = NAME", a, len(names), list)
}

// candidate is an image of an OCI layout.
type candidate struct {
	name string // of the entry that leads to it
	desc v1.Descriptor
}

func (c candidate) platform() string {
	if c.desc.Platform == nil {
		return "a platform that it does not name"
	}
	return printable(c.desc.Platform.String())
}

// layout reads an OCI layout. It returns no configuration where that
// depends on the architecture, and none was asked for.
func (a *archive) layout(raw []byte, architecture string) (config []byte, err error) {
	var all []candidate
	if err := a.walk(raw, "", 0, &all); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, c := range all {
		names[c.name] = true
	}
	if len(names) != 1 {
		return nil, a.several(slices.Sorted(maps.Keys(names)))
	}
	chosen := all
	if len(all) > 1 {
		if architecture == "" {
			return nil, nil
		}
		chosen = slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
			return c.desc.Platform == nil || c.desc.Platform.OS != "linux" || c.desc.Platform.Architecture != architecture
		})
		if len(chosen) != 1 {
			var there []string
			for _, c := range all {
				there = append(there, c.platform())
			}
			return nil, fmt.Errorf("%s: %d of its images are for linux/%s; exactly one must be. It has: %s. Save that one alone: skopeo copy --override-arch %s, or docker buildx build --platform linux/%[3]s",
				a, len(chosen), architecture, strings.Join(there, ", "), architecture)
		}
	}
	a.name = chosen[0].name
	return a.manifest(chosen[0].desc.Digest)
}

// walk collects the images of an index and of those in it.
func (a *archive) walk(raw []byte, name string, depth int, all *[]candidate) error {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s: an index of the OCI layout can't be read: %w", a, err)
	}
	if depth > 4 || len(index.Manifests)+len(*all) > 1000 {
		return fmt.Errorf("%s: the indexes of the OCI layout are nested too deep, or name too many images", a)
	}
	for _, d := range index.Manifests {
		if d.Annotations["vnd.docker.reference.type"] != "" || d.Platform != nil && d.Platform.OS == "unknown" {
			continue // an attestation of where an image came from, not an image
		}
		below := name
		if depth == 0 {
			below = d.Annotations["io.containerd.image.name"]
			if below == "" {
				below = d.Annotations["org.opencontainers.image.ref.name"]
			}
			if below == "" && d.Platform == nil {
				below = d.Digest.String()
			}
		}
		if !d.MediaType.IsIndex() {
			*all = append(*all, candidate{below, d})
			continue
		}
		blob, err := a.blob(d.Digest)
		if err != nil {
			return err
		}
		if err := a.walk(blob, below, depth+1, all); err != nil {
			return err
		}
	}
	return nil
}

// manifest reads the manifest of an OCI image, and its configuration.
func (a *archive) manifest(digest v1.Hash) (config []byte, err error) {
	raw, err := a.blob(digest)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: the manifest %s of the OCI layout can't be read: %w", a, digest, err)
	}
	if t := m.Config.MediaType; t != types.OCIConfigJSON && t != types.DockerConfigJSON {
		return nil, fmt.Errorf("%s: the OCI layout holds no image for containers, but %q", a, printable(string(t)))
	}
	a.files.Config = blobName(m.Config.Digest)
	for _, l := range m.Layers {
		name := blobName(l.Digest)
		a.files.Layers = append(a.files.Layers, name)
		switch l.MediaType {
		case types.OCILayer, types.OCIUncompressedLayer, types.DockerLayer, types.DockerUncompressedLayer:
		case types.OCILayerZStd:
			a.zstd[name] = true
		default:
			return nil, fmt.Errorf("%s: a layer of the OCI image is %q, which can't be unpacked here; plain, gzip and zstd layers can", a, printable(string(l.MediaType)))
		}
	}
	return a.blob(m.Config.Digest)
}

func blobName(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// blob reads a small file of an OCI layout and checks that it is what its
// name says.
func (a *archive) blob(digest v1.Hash) ([]byte, error) {
	name := blobName(digest)
	found, err := a.read(name)
	if err != nil {
		return nil, err
	}
	b := found[name]
	if b == nil {
		return nil, fmt.Errorf("%s: the OCI layout lacks %s", a, digest)
	}
	if sum := sha256.Sum256(b); digest.Algorithm != "sha256" || hex.EncodeToString(sum[:]) != digest.Hex {
		return nil, fmt.Errorf("%s: the OCI layout is damaged: %s is not what it says", a, digest)
	}
	return b, nil
}

// read reads small files of the archive; those that are not there are left out.
func (a *archive) read(names ...string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := a.each(func(h *tar.Header, r io.Reader) error {
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !slices.Contains(names, name) {
			return nil
		}
		if h.Size > maxManifest {
			return fmt.Errorf("%s: %s has %d bytes, and what describes an image has at most %d", a, printable(name), h.Size, maxManifest)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if found[name] = b; len(found) == len(names) {
			return io.EOF
		}
		return nil
	})
	return found, err
}

// each goes through the entries of the archive, until its end or an io.EOF.
// In a plain archive it jumps over what is not read.
func (a *archive) each(visit func(*tar.Header, io.Reader) error) error {
	f, _, err := regular.Open(a.path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, _, err := decompress(f)
	if err != nil {
		return err
	}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s can't be read as a tar archive: %w", a, err)
		}
		if err = visit(h, t); err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// decompress looks at the first bytes of a file for how it is compressed, and
// bounds what comes out of it.
func decompress(f *os.File) (r io.Reader, how string, err error) {
	name := printable(filepath.Base(f.Name()))
	var head [6]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return nil, "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	switch begins := func(magic string) bool { return bytes.HasPrefix(head[:n], []byte(magic)) }; {
	case begins("\x1f\x8b"):
		how = "gzip"
		r, err = gzip.NewReader(f)
	case begins("\x28\xb5\x2f\xfd"):
		how = "zstd"
		r, err = unzstd(f)
	case begins("BZh"):
		how = "bzip2"
		r, err = bzip2.NewReader(f), nil
	case begins("\xfd7zXZ\x00"):
		return nil, "", fmt.Errorf("%s is compressed with xz, which can't be unpacked here; gzip, bzip2 and zstd can. Unpack it: xz -d %[1]s", name)
	default:
		return f, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("unpack %s: %w", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	return &bounded{r: r, what: name, left: max(maxUnpacked, maxRatio*info.Size())}, how, nil
}

func unzstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
}

// bounded stops a file that unpacks to far more than any image holds.
type bounded struct {
	r    io.Reader
	what string
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("%s unpacks to more than %d times its size: that is hardly an image; if it is one, unpack it yourself", b.what, maxRatio)
	}
	return n, err
}

// write writes the image as docker save would, under a name of ours alone:
// whatever else it is called belongs to the user.
func (a *archive) write(w io.Writer, ref, scratch string) error {
	d := a.files
	d.RepoTags = []string{ref}
	manifest, err := json.Marshal(tarball.Manifest{d})
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	entry := func(name string, size int64, r io.Reader) error {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size}); err != nil {
			return err
		}
		_, err := io.Copy(t, r)
		return err
	}
	if err := entry("manifest.json", int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return err
	}
	written := map[string]bool{}
	err = a.each(func(h *tar.Header, r io.Reader) error {
		name := path.Clean(h.Name)
		needed := name == path.Clean(d.Config) || slices.ContainsFunc(d.Layers, func(l string) bool { return path.Clean(l) == name })
		switch {
		case !needed && a.oci, written[name] && needed, slices.Contains([]string{"manifest.json", "repositories", "index.json", "oci-layout"}, name):
			return nil // these give names, too
		case !filepath.IsLocal(filepath.FromSlash(name)):
			return nil
		case h.Typeflag == tar.TypeReg && a.zstd[name]:
			written[name] = true
			return unpacked(r, scratch, a.String(), h.Size, func(size int64, r io.Reader) error { return entry(name, size, r) })
		case h.Typeflag == tar.TypeReg:
			written[name] = true
			return entry(name, h.Size, r)
		case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:
			// A layer that two images share is a link in older archives.
			written[name] = true
			return t.WriteHeader(&tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Mode: 0o777})
		}
		return nil
	})
	for _, name := range append(slices.Clone(d.Layers), d.Config) {
		if err == nil && !written[path.Clean(name)] {
			err = fmt.Errorf("%s lacks %q, a part of its image", a, printable(name))
		}
	}
	return errors.Join(err, t.Close())
}

// unpacked gives a zstd layer as the plain one that every engine takes.
func unpacked(r io.Reader, scratch, what string, size int64, use func(int64, io.Reader) error) error {
	z, err := unzstd(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(scratch, "layer-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, &bounded{r: z, what: "a layer of " + what, left: max(maxUnpacked, maxRatio*size)})
	if err != nil {
		return fmt.Errorf("unpack a layer of %s: %w", what, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return use(n, f)
}

// fits returns why the image does not run where the engine does.
func (a *archive) fits(architecture string) error {
	if a.os == "linux" && a.architecture == architecture {
		return nil
	}
	return fmt.Errorf("%s is an image for %s/%s, and the engine runs linux/%s: save the image for that platform (docker pull --platform, skopeo copy --override-arch)",
		a, printable(a.os), printable(a.architecture), architecture)
}

// loadArchive gives the engine the image of an archive. An image that the engine
// already has from somebody else is used and not touched.
func (b *backend) loadArchive(ctx context.Context, f experiment.Function) (ref string, h *held, err error) {
	a, err := readArchive(f.Path, b.version.Arch)
	if err == nil {
		err = a.fits(b.version.Arch)
	}
	if err != nil {
		return "", nil, b.blame(ctx, err)
	}
	if info, err := b.client.ImageInspect(ctx, a.config); err == nil {
		var labels map[string]string
		if info.Config != nil {
			labels = info.Config.Labels
		}
		if !slices.ContainsFunc(info.RepoTags, func(name string) bool { return ours(name, labels) }) {
			return a.config, nil, nil
		}
	}
	ref = loadedNames + slug(f.Name) + ":" + strings.TrimPrefix(a.config, "sha256:")[:12]
	h, err = b.hold(ctx, ref, func() error {
		if b.has(ctx, a.config, ref) {
			return nil
		}
		return b.blame(ctx, b.load(ctx, func(w io.Writer) error { return a.write(w, ref, b.session.Scratch) }))
	})
	return ref, h, err
}
