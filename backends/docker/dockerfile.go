package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	dockerbuild "github.com/docker/docker/api/types/build"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/regular"
)

// The engine's own builder is used, because it needs no session and no second
// process. It knows less than BuildKit, and reports what it does not know late,
// wrongly or not at all, so that is looked for here. The full parser is part of
// BuildKit's library, which would bring in a hundred others.

const (
	maxDockerfile = 1 << 20
	ourDockerfile = ".nebula.Dockerfile" // in the context; no image gets it
	dockerignore  = ".dockerignore"
)

// instruction is one of a Dockerfile's.
type instruction struct {
	line, last int // numbers of its first and its last line, from 1
	name       string
	flags      []string // --from=x
	words      []string // what follows
}

// dockerfile is what a Dockerfile says.
type dockerfile struct {
	path         string
	lines        []string
	directives   map[string]int // by name: the line
	instructions []instruction
}

var (
	directive = regexp.MustCompile(`^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$`)
	// known are the instructions, with the flags that the engine's own builder
	// has for them.
	known = map[string][]string{
		"ADD": {"chown"}, "ARG": nil, "CMD": nil, "COPY": {"chown", "from"}, "ENTRYPOINT": nil, "ENV": nil, "EXPOSE": nil, "FROM": {"platform"},
		"HEALTHCHECK": {"interval", "timeout", "start-period", "retries"}, "LABEL": nil, "MAINTAINER": nil, "ONBUILD": nil, "RUN": nil,
		"SHELL": nil, "STOPSIGNAL": nil, "USER": nil, "VOLUME": nil, "WORKDIR": nil,
	}
	hereDocument = regexp.MustCompile(`^\d*<<-?['"]?[A-Za-z_]\w*['"]?$`)
	// automatic are the arguments that BuildKit alone sets.
	automatic = regexp.MustCompile(`^(BUILD|TARGET)(PLATFORM|OS|ARCH|VARIANT)$`)
	variable  = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})`)
)

// readDockerfile splits a Dockerfile into instructions as the builder does.
func readDockerfile(dir string) (*dockerfile, error) {
	path := filepath.Join(dir, "Dockerfile")
	b, err := regular.Read(path, maxDockerfile)
	if err != nil {
		return nil, err
	}
	d := &dockerfile{path: path, directives: map[string]int{}}
	d.lines = strings.Split(strings.TrimSuffix(string(bytes.TrimPrefix(b, []byte("\ufeff"))), "\n"), "\n")
	head, escape, open := true, `\`, false
	var text string
	for i, line := range d.lines {
		raw := line
		line = strings.TrimSpace(line)
		if m := directive.FindStringSubmatch(line); head && m != nil {
			name := strings.ToLower(m[1])
			d.directives[name] = i + 1
			if name == "escape" {
				escape = m[2]
			}
			continue
		}
		head = false
		if line == "" || line[0] == '#' { // within an instruction, too
			continue
		}
		if !open {
			text = ""
			d.instructions = append(d.instructions, instruction{line: i + 1})
		}
		// What a continued line is indented with separates words; an escaped
		// escape continues nothing.
		line, open = strings.CutSuffix(strings.TrimRight(raw, " \t\r"), escape)
		if open && strings.HasSuffix(line, escape) {
			line, open = line+escape, false
		}
		text += line
		in := &d.instructions[len(d.instructions)-1]
		in.last = i + 1
		in.words = strings.Fields(text)
	}
	for i := range d.instructions {
		in := &d.instructions[i]
		if len(in.words) == 0 {
			continue // only a continued, empty line
		}
		in.name, in.words = strings.ToUpper(in.words[0]), in.words[1:]
		for len(in.words) > 0 && strings.HasPrefix(in.words[0], "--") {
			in.flags, in.words = append(in.flags, in.words[0]), in.words[1:]
		}
	}
	return d, nil
}

// check returns why the engine's own builder can't build it with these
// arguments.
func (d *dockerfile) check(arguments map[string]string) error {
	needs := func(line int, what string) error {
		return fmt.Errorf("%s, line %d: %s needs BuildKit, and functions are built by the engine's own builder. Build it yourself (docker build -t NAME %s) and write image = \"NAME\" in place of source",
			d.path, line, printable(what), filepath.Dir(d.path))
	}
	if line := d.directives["syntax"]; line > 0 {
		return needs(line, "# syntax=")
	}
	given := map[string]bool{} // automatic arguments that have a value here
	for _, in := range d.instructions {
		flags, ok := known[in.name]
		if !ok {
			return fmt.Errorf("%s, line %d: there is no instruction %q in Dockerfiles", d.path, in.line, printable(in.name))
		}
		for _, f := range in.flags {
			name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
			if !slices.Contains(flags, name) && name != "" {
				return needs(in.line, in.name+" --"+name)
			}
		}
		for _, w := range in.words {
			if (in.name == "RUN" || in.name == "COPY" || in.name == "ADD") && hereDocument.MatchString(w) {
				return needs(in.line, "a here-document (<<)")
			}
		}
		if in.name == "ARG" {
			for _, w := range in.words {
				name, _, has := strings.Cut(w, "=")
				if _, set := arguments[name]; set {
					has = true
				}
				if automatic.MatchString(name) && !has && !given[name] {
					return needs(in.line, "ARG "+name+" without a value")
				}
				given[name] = true
			}
		}
		if in.name == "FROM" {
			for _, m := range variable.FindAllStringSubmatch(strings.Join(append(slices.Clone(in.flags), in.words...), " "), -1) {
				if name := m[1] + m[2]; automatic.MatchString(name) && !given[name] {
					return needs(in.line, "$"+name)
				}
			}
		}
	}
	return nil
}

// images lists the images that the build begins with or copies from.
func (d *dockerfile) images(arguments map[string]string) (refs []string) {
	values, stages := map[string]string{}, []string{"scratch"}
	expand := func(s string) string {
		return variable.ReplaceAllStringFunc(s, func(s string) string {
			m := variable.FindStringSubmatch(s)
			v := values[m[1]+m[2]]
			if m[3] == "-" && v == "" || m[3] == "+" && v != "" {
				return m[4]
			}
			return v
		})
	}
	add := func(ref string) {
		_, err := strconv.Atoi(ref) // a stage's number
		if err != nil && ref != "" && !slices.Contains(stages, strings.ToLower(ref)) {
			refs = append(refs, ref)
		}
	}
	for _, in := range d.instructions {
		switch {
		case in.name == "ARG" && len(stages) == 1: // only those before the first stage count
			for _, w := range in.words {
				name, value, _ := strings.Cut(w, "=")
				values[name] = expand(strings.Trim(value, `"'`))
				if given, ok := arguments[name]; ok {
					values[name] = given
				}
			}
		case in.name == "FROM" && len(in.words) > 0:
			add(expand(in.words[0]))
			stage := "\x00" // one without a name, to count
			if len(in.words) == 3 && strings.EqualFold(in.words[1], "AS") {
				stage = strings.ToLower(in.words[2])
			}
			stages = append(stages, stage)
		case in.name == "COPY":
			for _, f := range in.flags {
				if from, ok := strings.CutPrefix(f, "--from="); ok {
					add(from)
				}
			}
		}
	}
	return refs
}

// owned is the Dockerfile with a label in each of its stages, so that what a
// build leaves behind can be told from the user's images.
func (d *dockerfile) owned(owner string) []byte {
	lines := slices.Clone(d.lines)
	for _, in := range slices.Backward(d.instructions) {
		if in.name == "FROM" {
			lines = slices.Insert(lines, in.last, fmt.Sprintf(`LABEL %s="" %s="%s"`, labelImage, labelOwner, owner))
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

var parseError = regexp.MustCompile(`(parse error (?:on )?line )(\d+)`)

// relined gives a builder's message with the line numbers of the user's file:
// the builder counts our labels, too.
func (d *dockerfile) relined(message string) string {
	return parseError.ReplaceAllStringFunc(message, func(s string) string {
		m := parseError.FindStringSubmatch(s)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return s
		}
		for _, in := range slices.Backward(d.instructions) {
			if in.name == "FROM" && in.last+d.stages(in.last) < n {
				return m[1] + strconv.Itoa(n-d.stages(in.last))
			}
		}
		return s
	})
}

// stages counts the stages that begin no later than in this line.
func (d *dockerfile) stages(line int) (n int) {
	for _, in := range d.instructions {
		if in.name == "FROM" && in.last <= line {
			n++
		}
	}
	return n
}

// buildContext is the folder that a Dockerfile copies from.
type buildContext struct {
	dir     string
	exclude *patternmatcher.PatternMatcher
}

func openContext(dir string) (*buildContext, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	c := &buildContext{dir: dir}
	var patterns []string
	for _, name := range []string{"Dockerfile" + dockerignore, dockerignore} { // the first one that is there
		b, err := regular.Read(filepath.Join(dir, name), maxDockerfile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			patterns, err = ignorefile.ReadAll(bytes.NewReader(b))
		}
		if err != nil {
			return nil, err
		}
		break
	}
	if c.exclude, err = patternmatcher.New(patterns); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", dockerignore, dir, err)
	}
	return c, nil
}

// each goes through what docker build would send.
func (c *buildContext) each(visit func(name, path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == c.dir {
			return err
		}
		name, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		excluded, err := c.exclude.MatchesOrParentMatches(name)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", dockerignore, c.dir, err)
		}
		if excluded {
			if d.IsDir() && !c.exception(name) {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch kind := info.Mode().Type(); {
		case kind&fs.ModeSocket != 0:
			return nil // docker build leaves them out, too
		case kind&^(fs.ModeDir|fs.ModeSymlink) != 0:
			return fmt.Errorf("%s is a pipe or a device, which can't be sent to the builder: name it in %s", path, dockerignore)
		}
		return visit(filepath.ToSlash(name), path, info)
	})
}

// exception reports whether something in an excluded folder may be meant
// after all: !folder/file.
func (c *buildContext) exception(folder string) bool {
	for _, p := range c.exclude.Patterns() {
		if p.Exclusion() && (strings.HasPrefix(p.String()+string(filepath.Separator), folder+string(filepath.Separator)) || strings.ContainsAny(p.String(), "*?[")) {
			return true
		}
	}
	return false
}

// write packs the folder for the builder, with a Dockerfile of ours.
func (c *buildContext) write(w io.Writer, dockerfile []byte) error {
	t := tar.NewWriter(w)
	own := func(name string, body []byte) error {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			return err
		}
		_, err := t.Write(body)
		return err
	}
	// The builder copies nothing that .dockerignore names: our Dockerfile and,
	// unless the user's own file was to be sent, .dockerignore itself.
	ignore := []byte(dockerignore + "\n")
	err := c.each(func(name, path string, info fs.FileInfo) error {
		if name == ourDockerfile {
			return fmt.Errorf("%s is in the way: the builder is sent a file of this name. Rename yours", path)
		}
		if name == dockerignore && info.Mode().IsRegular() {
			b, err := regular.Read(path, maxDockerfile)
			ignore = append(b, '\n')
			return err
		}
		return c.entry(t, name, path, info)
	})
	if err == nil {
		err = own(dockerignore, append(ignore, ourDockerfile+"\n"...))
	}
	if err == nil {
		err = own(ourDockerfile, dockerfile)
	}
	return errors.Join(err, t.Close())
}

// entry packs one file, folder or link. Links stay links, wherever they lead:
// the builder follows them only within the image.
func (c *buildContext) entry(t *tar.Writer, name, path string, info fs.FileInfo) error {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, filepath.ToSlash(link))
	if err != nil {
		return err
	}
	h.Name = name
	if info.IsDir() {
		h.Name += "/"
	}
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", "" // as docker build does
	if !info.Mode().IsRegular() {
		return t.WriteHeader(h)
	}
	f, now, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h.Size = now.Size()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.CopyN(t, f, h.Size); err != nil {
		return fmt.Errorf("%s changed while it was read: %w", path, err)
	}
	return nil
}

// checkBuild returns what can be seen to be wrong with a Dockerfile and its
// folder without an engine.
func checkBuild(f experiment.Function) error {
	d, err := readDockerfile(f.Path)
	if err == nil {
		err = d.check(f.BuildArgs)
	}
	if err != nil {
		return err
	}
	c, err := openContext(f.Path)
	if err != nil {
		return err
	}
	return c.each(func(string, string, fs.FileInfo) error { return nil })
}

// buildDockerfile has the engine build a folder with a Dockerfile.
func (b *backend) buildDockerfile(ctx context.Context, f experiment.Function) (*held, error) {
	d, err := readDockerfile(f.Path)
	if err == nil {
		err = d.check(f.BuildArgs)
	}
	if err != nil {
		return nil, b.blame(ctx, err)
	}
	for _, image := range d.images(f.BuildArgs) {
		// The builder would pull it.
		if _, err := b.client.ImageInspect(ctx, image); errdefs.IsNotFound(err) {
			return nil, missingImage(printable(image))
		}
	}
	folder, err := openContext(f.Path)
	if err != nil {
		return nil, b.blame(ctx, err)
	}
	arguments := map[string]*string{}
	for name, value := range f.BuildArgs {
		arguments[name] = &value
	}
	// Two builds of one Dockerfile may differ, so each run has its own.
	sum := sha256.Sum256([]byte(b.session.Owner.Run + "\x00" + f.Name))
	ref := reference(f.Name, hex.EncodeToString(sum[:]))
	b.built = true
	return b.hold(ctx, ref, func() error {
		defer func() { b.leftABuild = b.leftABuild || ctx.Err() != nil }()
		err := send(func(w io.Writer) error { return folder.write(w, d.owned(ownerLabel(b.session.Owner))) }, func(r io.Reader) error {
			resp, err := b.client.ImageBuild(ctx, r, dockerbuild.ImageBuildOptions{
				Tags: []string{ref}, Dockerfile: ourDockerfile, Remove: true, ForceRemove: true, PullParent: false,
				Labels: map[string]string{labelImage: f.Name}, BuildArgs: arguments,
				NetworkMode: b.options.network(),
			})
			if err != nil {
				return fmt.Errorf("build the Dockerfile: %s", d.relined(printable(err.Error())))
			}
			defer resp.Body.Close()
			return messages(resp.Body, "build the Dockerfile")
		})
		return b.blame(ctx, err)
	})
}

// removeOwnImages removes the images of this run that nobody uses, and what
// its builds left beside them. It tells whether there was anything.
func (b *backend) removeOwnImages(ctx context.Context) (some bool, err error) {
	var errs []error
	for _, ref := range b.refs { // an image whose holder came late is still there
		gone, err := removeImage(ctx, b.client, ref)
		some, errs = some || gone, append(errs, err)
	}
	if b.built {
		own := ownerLabel(b.session.Owner)
		removed, err := removeBuilt(ctx, b.client, func(labels map[string]string) bool { return labels[labelOwner] == own })
		some, errs = some || len(removed) > 0, append(errs, err)
	}
	return some, errors.Join(errs...)
}

const (
	// builderQuiet is how long nothing must come from a builder that was left.
	builderQuiet = 2 * time.Second
	// builderLate bounds how long it is waited for. What comes even later, the
	// next run or nebula clean removes.
	builderLate = 15 * time.Second
)

// awaitBuilder removes what a builder still makes after its build was
// interrupted: it ends the step that it is at, and nothing says when that is.
func (b *backend) awaitBuilder(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for last := begin; time.Since(last) < builderQuiet && time.Since(begin) < builderLate; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		some, err := b.removeOwnImages(ctx)
		if err != nil {
			return err
		}
		if some {
			last = time.Now()
		}
	}
	return nil
}
