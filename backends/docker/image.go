package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/acarl005/stripansi"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/words"
)

// CheckFunction returns what can be seen without an engine to be wrong with a
// function that is the archive of an image or a Dockerfile.
func CheckFunction(f experiment.Function) error {
	kind, err := build.KindOf(f)
	if err != nil {
		return err // it names the function itself
	}
	switch {
	case kind == build.ImageArchive:
		_, err = readArchive(f.Path, "")
	case kind == build.Dockerfile:
		err = checkBuild(f)
	case len(f.BuildArgs) > 0:
		err = fmt.Errorf("build_args are the arguments of a Dockerfile, and this is %s: remove them", article(kind))
	}
	if err != nil {
		return fmt.Errorf("function %q: %w", f.Name, err)
	}
	return nil
}

// article is a kind of function in a sentence.
func article(k build.Kind) string {
	switch k {
	case build.Image, build.ImageArchive:
		return "an " + string(k)
	case build.Module:
		return "a " + string(k)
	}
	return string(k) + " source"
}

// Prepare implements backends.Backend.
func (b *backend) Prepare(ctx context.Context, f experiment.Function) (backends.Artifact, error) {
	a := &artifact{backend: b, identity: experiment.Identity{Kind: "image", Details: map[string]string{}}, live: map[string]*live{}}
	err := a.make(ctx, f)
	if err == nil {
		err = a.look(ctx, f)
	}
	if err != nil {
		// What was made must not stay. An artefact is closed only where there
		// is one.
		if cerr := a.Close(context.WithoutCancel(ctx)); cerr != nil {
			b.session.Log.Warn().Err(cerr).Msg("could not remove what was made of function " + f.Name)
		}
		return nil, err
	}
	return a, nil
}

// make gives the engine the function's image, or finds it there.
func (a *artifact) make(ctx context.Context, f experiment.Function) error {
	b := a.backend
	var err error
	kind, kindErr := build.KindOf(f)
	switch {
	case b.options.Image != "":
		a.ref = b.options.Image
	case kindErr != nil:
		return kindErr
	case kind == build.Image:
		a.ref = f.Image
	case kind == build.ImageArchive:
		a.ref, a.held, err = b.loadArchive(ctx, f)
	case kind == build.Dockerfile:
		a.held, err = b.buildDockerfile(ctx, f)
	default:
		bin, berr := build.Build(ctx, f, build.Linux)
		if berr != nil {
			return berr // it names the function itself
		}
		a.identity.Source, a.identity.Toolchain = bin.Source, bin.Toolchain
		if b.options.Base == "" || b.options.Base == "scratch" {
			// The one layer is the binary, but for some hundred bytes.
			a.identity.Compressed, err = build.Compressed(bin.Path)
		}
		if err != nil {
			return err
		}
		a.held, err = b.pack(ctx, f, bin)
		a.identity.Details["base"] = cmp.Or(b.options.Base, "scratch")
	}
	if err != nil {
		return fmt.Errorf("function %q: %w", f.Name, err)
	}
	if a.held != nil {
		a.ref = a.held.ref
	}
	return nil
}

// look reads what the engine says of the image, and what it can't do.
func (a *artifact) look(ctx context.Context, f experiment.Function) error {
	name := a.ref
	if a.held != nil {
		name = a.held.image // which is kept; names can be removed
	}
	info, err := a.backend.client.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return missingImage(a.ref)
	}
	if err != nil {
		return fmt.Errorf("inspect image %s: %w", a.ref, err)
	}
	a.image = info.ID
	a.identity.Digest, a.identity.Size = info.ID, info.Size
	a.identity.Details["reference"] = a.ref
	if err := runnable(a.ref, info.Config, f); err != nil {
		return err
	}
	return a.mount(ctx, f)
}

func missingImage(ref string) error {
	return &backends.Unavailable{
		What:   fmt.Sprintf("image %q is not on this machine", ref),
		Remedy: "nothing is pulled inside a run: docker pull " + printable(ref),
	}
}

// pack makes an image of a static binary on the backend's base and loads it.
// It depends on nothing but the two, so it is the same on every machine.
func (b *backend) pack(ctx context.Context, f experiment.Function, bin build.Binary) (*held, error) {
	img, cleanup, err := b.base(ctx)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return functionLayer(bin.Path) })
	if err != nil {
		return nil, err
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", runtime.GOARCH
	cf.Created, cf.Author, cf.History = v1.Time{}, "", nil
	cf.Config.Entrypoint, cf.Config.Cmd = []string{"/function"}, nil
	cf.Config.Labels = map[string]string{labelImage: f.Name}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return nil, err
	}
	id, err := img.ConfigName()
	if err != nil {
		return nil, err
	}
	ref := reference(f.Name, id.Hex)
	tag, err := name.NewTag(ref)
	if err != nil {
		return nil, err
	}
	return b.hold(ctx, ref, func() error {
		if b.has(ctx, id.String(), ref) {
			return nil
		}
		return b.load(ctx, func(w io.Writer) error { return tarball.Write(tag, img, w) })
	})
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
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return openRootfs(o.basePath()) })
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
	return madeNames + slug(function) + ":" + hex[:12]
}

func slug(function string) string {
	s := strings.Trim(notInReference.ReplaceAllString(strings.ToLower(function), "-"), "-")
	if s == "" {
		s = "function"
	}
	return s[:min(len(s), 60)]
}

// has names an image that the engine already has, so that it need not be sent
// again.
func (b *backend) has(ctx context.Context, id, ref string) bool {
	return b.client.ImageTag(ctx, id, ref) == nil
}

// load hands an archive to the engine, which reports trouble in its stream.
func (b *backend) load(ctx context.Context, write func(io.Writer) error) error {
	return send(write, func(r io.Reader) error {
		resp, err := b.client.ImageLoad(ctx, r)
		if err != nil {
			return fmt.Errorf("load the image: %w", err)
		}
		defer resp.Body.Close()
		return messages(resp.Body, "load the image")
	})
}

// send lets one side read what the other writes. What went wrong in writing
// is the cause of what then goes wrong in reading.
func send(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	err := read(r)
	r.Close()
	if cause := <-written; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return cause
	}
	return err
}

// messages reads the engine's stream to its end and returns the error in it,
// with the last lines before it.
func messages(r io.Reader, what string) error {
	d := json.NewDecoder(io.LimitReader(r, 256<<20))
	var log []byte
	for {
		var m jsonmessage.JSONMessage
		if err := d.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if m.Error != nil {
			return fmt.Errorf("%s: %s%s", what, printable(m.Error.Message), lastLines(log))
		}
		if log = append(log, m.Stream...); len(log) > 64<<10 {
			log = append(log[:0], log[len(log)-32<<10:]...)
		}
	}
}

// blame lays an error in making an image of what the user gave at the function's
// door, so that it leaves out its own cells alone: unless its run is over, its
// engine is away, or there is no room for any image.
func (b *backend) blame(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || full(err) || b.Check(ctx) != nil {
		return err
	}
	return &backends.Unsuitable{Err: err}
}

// full reports whether a disk was, here or at the engine.
func full(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no space left on device") || strings.Contains(text, "disk quota exceeded")
}

// step begins a builder's line about an instruction. Its numbers count the
// instructions that we add.
var step = regexp.MustCompile(`^Step \d+/\d+ : `)

// lastLines is the end of what a builder said, indented, without the lines that
// are about our labels, and without the numbers that count them.
func lastLines(log []byte) string {
	var lines []string
	for line := range strings.Lines(string(log)) {
		line = step.ReplaceAllString(strings.TrimRight(printable(line), " "), "")
		if line != "" && !strings.Contains(line, labelOwner) {
			lines = append(lines, "\n  "+line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-20):], "")
}

// printable makes a line that somebody else wrote harmless on a terminal.
func printable(s string) string {
	return words.Printable(strings.TrimSpace(whiteSpace.Replace(stripansi.Strip(s))))
}

var whiteSpace = strings.NewReplacer("\n", " ", "\t", " ", "\r", "")

// Close lets the image go, if it was made for this run, and removes what an
// engine that went away kept of trials.
func (a *artifact) Close(ctx context.Context) error {
	err := a.endAll(ctx)
	if a.held != nil {
		err = errors.Join(err, a.backend.drop(ctx, a.held))
	}
	return err
}
