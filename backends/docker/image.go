package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/containerd/errdefs"
	dockerbuild "github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
)

// labelImage marks the images that Nebula made. It holds no run's id: the
// same function gives the same image, whoever runs it.
const labelImage = "nebula.image"

// Prepare implements backends.Backend.
func (b *backend) Prepare(ctx context.Context, f experiment.Function) (backends.Artifact, error) {
	a := &artifact{backend: b, identity: experiment.Identity{Kind: "image"}, live: map[string]*live{}}
	var err error
	kind, kindErr := build.KindOf(f)
	switch {
	case b.options.Image != "":
		a.ref = b.options.Image
	case kindErr != nil:
		return nil, kindErr
	case kind == build.Image:
		a.ref = f.Image
	case kind == build.ImageArchive:
		a.ref, a.made, err = b.loadArchive(ctx, f)
	case kind == build.Dockerfile:
		a.ref, err = b.buildDockerfile(ctx, f)
		a.made = true
	default:
		bin, berr := build.Build(ctx, f, build.Linux)
		if berr != nil {
			return nil, berr // it names the function itself
		}
		a.identity.Source, a.identity.Toolchain = bin.Source, bin.Toolchain
		if b.options.Base == "" || b.options.Base == "scratch" {
			// The one layer is the binary, but for some hundred bytes.
			a.identity.Compressed, err = build.Compressed(bin.Path)
		}
		if err != nil {
			return nil, err
		}
		a.ref, err = b.pack(ctx, f, bin)
		a.made = true
	}
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", f.Name, err)
	}
	info, err := b.client.ImageInspect(ctx, a.ref)
	if errdefs.IsNotFound(err) {
		return nil, missingImage(a.ref)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect image %s: %w", a.ref, err)
	}
	a.image = info.ID
	a.identity.Digest, a.identity.Size = info.ID, info.Size
	a.identity.Details = map[string]string{"reference": a.ref, "base": b.options.Base}
	if b.options.Base == "" {
		a.identity.Details["base"] = "scratch"
	}
	if !a.made {
		delete(a.identity.Details, "base")
	}
	return a, nil
}

func missingImage(ref string) error {
	return &backends.Unavailable{
		What:   fmt.Sprintf("image %q is not on this machine", ref),
		Remedy: "nothing is pulled inside a run: docker pull " + ref,
	}
}

// pack makes an image of a static binary on the backend's base and loads it.
// It depends on nothing but the two, so it is the same on every machine.
func (b *backend) pack(ctx context.Context, f experiment.Function, bin build.Binary) (string, error) {
	img, cleanup, err := b.base(ctx)
	if err != nil {
		return "", err
	}
	defer cleanup()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return functionLayer(bin.Path) })
	if err != nil {
		return "", err
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return "", err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", runtime.GOARCH
	cf.Created, cf.Author, cf.History = v1.Time{}, "", nil
	cf.Config.Entrypoint, cf.Config.Cmd = []string{"/function"}, nil
	cf.Config.Labels = map[string]string{labelImage: f.Name}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return "", err
	}
	id, err := img.ConfigName()
	if err != nil {
		return "", err
	}
	ref := reference(f.Name, id.Hex)
	tag, err := name.NewTag(ref)
	if err != nil {
		return "", err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(tarball.Write(tag, img, w)) }()
	defer r.Close()
	return ref, b.load(ctx, r, nil)
}

// functionLayer is a tar archive that holds the binary and nothing that
// changes from one build to the next.
func functionLayer(path string) (io.ReadCloser, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: "function", Mode: 0o755, Size: int64(len(body)), Format: tar.FormatPAX}
	if err := t.WriteHeader(h); err != nil {
		return nil, err
	}
	if _, err := t.Write(body); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), t.Close()
}

// base gives the image below the function.
func (b *backend) base(ctx context.Context) (img v1.Image, cleanup func(), err error) {
	o := b.options
	cleanup = func() {}
	switch {
	case o.Base == "" || o.Base == "scratch":
		return empty.Image, cleanup, nil
	case o.baseIsArchive():
		layer, err := tarball.LayerFromFile(o.basePath())
		if err != nil {
			return nil, cleanup, fmt.Errorf("base %s: %w", o.Base, err)
		}
		img, err := mutate.AppendLayers(empty.Image, layer)
		return img, cleanup, err
	}
	saved, err := b.client.ImageSave(ctx, []string{o.Base})
	if errdefs.IsNotFound(err) {
		return nil, cleanup, missingImage(o.Base)
	}
	if err != nil {
		return nil, cleanup, fmt.Errorf("base %s: %w", o.Base, err)
	}
	defer saved.Close()
	file, err := os.CreateTemp(b.session.Scratch, "base-*.tar")
	if err != nil {
		return nil, cleanup, err
	}
	cleanup = func() { os.Remove(file.Name()) }
	_, err = io.Copy(file, saved)
	if err = errors.Join(err, file.Close()); err == nil {
		img, err = tarball.ImageFromPath(file.Name(), nil)
	}
	if err != nil {
		return nil, cleanup, fmt.Errorf("base %s: %w", o.Base, err)
	}
	return img, cleanup, nil
}

var notInReference = regexp.MustCompile(`[^a-z0-9]+`)

// reference names an image after its function, as far as a reference can.
func reference(function, hex string) string {
	slug := strings.Trim(notInReference.ReplaceAllString(strings.ToLower(function), "-"), "-")
	if slug == "" {
		slug = "function"
	}
	return "nebula/" + slug[:min(len(slug), 60)] + ":" + hex[:12]
}

// load hands an archive to the engine, which reports trouble in its stream.
func (b *backend) load(ctx context.Context, archive io.Reader, line func(string)) error {
	resp, err := b.client.ImageLoad(ctx, archive)
	if err != nil {
		return fmt.Errorf("load the image: %w", err)
	}
	defer resp.Body.Close()
	return messages(resp.Body, "load the image", line)
}

// messages reads the engine's stream to its end and returns the error in it.
func messages(r io.Reader, what string, line func(string)) error {
	d := json.NewDecoder(r)
	var log strings.Builder
	for {
		var m jsonmessage.JSONMessage
		if err := d.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if m.Error != nil {
			return fmt.Errorf("%s: %w\n%s", what, m.Error, strings.TrimSpace(log.String()))
		}
		if log.Len() < 16<<10 {
			log.WriteString(m.Stream)
		}
		if line != nil {
			line(strings.TrimSpace(m.Stream))
		}
	}
}

// loadArchive loads a function that is the archive of an image. What the
// engine had before is not ours to remove.
func (b *backend) loadArchive(ctx context.Context, f experiment.Function) (ref string, made bool, err error) {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(f.Path) })
	if err != nil || len(manifest) != 1 {
		return "", false, fmt.Errorf("%s is not the archive of one image, as docker save writes it: %w", f.Source, err)
	}
	if tags := manifest[0].RepoTags; len(tags) > 0 {
		ref = tags[0]
		_, err := b.client.ImageInspect(ctx, ref)
		made = errdefs.IsNotFound(err)
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	err = b.load(ctx, file, func(line string) {
		if id, ok := strings.CutPrefix(line, "Loaded image ID: "); ok && ref == "" {
			ref = id
		}
	})
	if err == nil && ref == "" {
		err = errors.New("the engine did not say what it loaded")
	}
	return ref, made, err
}

// buildDockerfile has the engine build a folder with a Dockerfile.
func (b *backend) buildDockerfile(ctx context.Context, f experiment.Function) (string, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(contextTar(f.Path, w)) }()
	defer r.Close()
	// Two builds of one Dockerfile may differ, so each run has its own.
	sum := sha256.Sum256([]byte(b.session.Owner.Run + "\x00" + f.Name))
	ref := reference(f.Name, hex.EncodeToString(sum[:]))
	resp, err := b.client.ImageBuild(ctx, r, dockerbuild.ImageBuildOptions{
		Tags: []string{ref}, Remove: true, ForceRemove: true, PullParent: false,
		Labels:      map[string]string{labelImage: f.Name},
		NetworkMode: b.options.network(),
	})
	if err != nil {
		return "", fmt.Errorf("build the Dockerfile: %w", err)
	}
	defer resp.Body.Close()
	return ref, messages(resp.Body, "build the Dockerfile", nil)
}

// contextTar packs a folder for the builder.
func contextTar(dir string, w io.Writer) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() && !info.IsDir() {
			return nil // a link could lead out of the folder
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		h.Name = filepath.ToSlash(rel)
		if err := t.WriteHeader(h); err != nil || info.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(t, file)
		return err
	})
	return errors.Join(err, t.Close())
}

// Close removes the image, if it was made for this run, and what an engine
// that went away kept of trials.
func (a *artifact) Close(ctx context.Context) error {
	if err := a.endAll(ctx); err != nil {
		return err
	}
	if !a.made {
		return nil
	}
	_, err := a.backend.client.ImageRemove(ctx, a.ref, image.RemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil // gone, or somebody else's container uses it: nebula clean will
	}
	return err
}
