package build

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/regular"
)

// Kind is what a function is made of.
type Kind string

// The kinds.
const (
	Go           Kind = "Go"
	C            Kind = "C"
	Rust         Kind = "Rust"
	Dockerfile   Kind = "Dockerfile"
	Module       Kind = "WebAssembly module" // a ready *.wasm file
	ImageArchive Kind = "image archive"      // a *.tar, compressed or not
	Image        Kind = "image"              // a reference to a ready image
)

const recognised = "What is recognised: a folder with go.mod or *.go (package main), main.c, Cargo.toml, main.rs, Dockerfile or one *.wasm file; " +
	"a folder of such folders named go, c, rust; a *.wasm file; an image archive (*.tar, *.tar.gz, *.tar.zst), which docker save made or which is an OCI layout"

// languages are the values of Function.Language and the names of the
// folders that a folder of languages holds, in order of preference.
var languages = []string{"go", "c", "rust"}

var kindOfLanguage = map[string]Kind{"go": Go, "c": C, "rust": Rust}

// KindOf looks at what the function's path holds. It runs nothing.
func KindOf(f experiment.Function) (Kind, error) {
	s, err := find(f)
	return s.kind, err
}

// Check returns what keeps the function from being built for anything: nil
// where its kind is recognised. It runs nothing.
func Check(f experiment.Function) error {
	_, err := find(f)
	return err
}

// Lacks says why this source cannot give the target; the empty string says
// that it can. It runs nothing.
func Lacks(f experiment.Function, t Target) string {
	s, err := find(f)
	if err != nil {
		return err.Error()
	}
	return s.kind.lacks(t)
}

// ReadyModule gives the file of a function that is a ready module.
func ReadyModule(f experiment.Function) (file string, ok bool) {
	s, err := find(f)
	return s.path, err == nil && s.kind == Module
}

func (k Kind) lacks(t Target) string {
	product := "no WebAssembly module"
	if t == Linux {
		product = "no Linux binary"
	}
	switch {
	case k == Dockerfile:
		return "a Dockerfile gives " + product
	case k == Image, k == ImageArchive:
		return "a ready image gives " + product
	case k == Module && t == Linux:
		return "a ready WebAssembly module gives " + product
	}
	return ""
}

// source is a function's kind and where it lies.
type source struct {
	kind Kind
	path string // the folder; for Module and ImageArchive the file
}

func find(f experiment.Function) (source, error) {
	fail := func(format string, args ...any) (source, error) {
		return source{}, fmt.Errorf("function %q: %s", f.Name, fmt.Sprintf(format, args...))
	}
	if f.Language != "" && !slices.Contains(languages, f.Language) {
		return fail("there is no language %q: it can be %s", f.Language, strings.Join(languages, ", "))
	}
	if f.Image != "" {
		if f.Language != "" {
			return fail("an image has no language to choose")
		}
		return source{Image, ""}, nil
	}
	if f.Path == "" {
		return fail("it has neither a source nor an image")
	}
	if !filepath.IsAbs(f.Path) {
		panic("build: the path of function " + f.Name + " is not absolute: " + f.Path)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return fail("cannot read %s: %v", f.Path, err)
	}
	s, err := findIn(f, info)
	if err != nil {
		return fail("%v", err)
	}
	return s, nil
}

// findIn finds what a path holds. Its errors name no function.
func findIn(f experiment.Function, info fs.FileInfo) (source, error) {
	if info.IsDir() {
		return findInFolder(f)
	}
	s := source{path: f.Path}
	switch {
	case !info.Mode().IsRegular():
		return s, fmt.Errorf("%s is neither a folder nor a file", f.Path)
	case filepath.Ext(f.Path) == ".wasm":
		s.kind = Module
	case IsArchive(f.Path):
		s.kind = ImageArchive
	default:
		return s, fmt.Errorf("%s is a file of no known kind. %s", f.Path, recognised)
	}
	if f.Language != "" {
		return s, fmt.Errorf("language is %q, but %s is ready and has none to choose", f.Language, f.Path)
	}
	if s.kind == Module {
		return s, checkModule(f.Path)
	}
	return s, nil
}

// findInFolder finds what a folder holds, or a folder of languages.
func findInFolder(f experiment.Function) (source, error) {
	d, err := look(f.Path)
	if err != nil {
		return source{}, err
	}
	if d.kind != "" {
		if f.Language != "" && kindOfLanguage[f.Language] != d.kind {
			return source{}, fmt.Errorf("language is %q, but %s holds %s", f.Language, f.Path, d.found)
		}
		return d.source()
	}
	// A folder of languages.
	var there []string
	for _, l := range languages {
		if slices.Contains(d.folders, l) {
			there = append(there, l)
		}
	}
	if len(there) == 0 {
		return source{}, fmt.Errorf("%s holds nothing that can be built: it has %s. %s", f.Path, d.found, recognised)
	}
	language := f.Language
	if language == "" {
		language = there[0]
	}
	if !slices.Contains(there, language) {
		return source{}, fmt.Errorf("%s has no folder %q; it has %s", f.Path, language, strings.Join(there, ", "))
	}
	path := filepath.Join(f.Path, language)
	sub, err := look(path)
	switch {
	case err != nil:
		return source{}, err
	case sub.kind != kindOfLanguage[language]:
		return source{}, fmt.Errorf("%s should hold %s, but it has %s. %s", path, kindOfLanguage[language], sub.found, recognised)
	}
	return sub.source()
}

// mostEntries is how many files and folders a function's source may have.
const mostEntries = 100_000

// noSpecial refuses pipes and devices in a folder that a compiler searches
// itself: it would wait for them for ever.
func noSpecial(dir string) error {
	entries := 0
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", dir, err)
		}
		if entries++; entries > mostEntries {
			return fmt.Errorf("%s holds more than %d files and folders: put the function into a folder of its own", dir, mostEntries)
		}
		if path != dir && e.IsDir() && strings.HasPrefix(e.Name(), ".git") {
			return fs.SkipDir
		}
		if special(path, e) {
			return fmt.Errorf("%s is a pipe or a device: remove it from the function's folder", path)
		}
		return nil
	})
}

// special reports whether a name leads to a pipe or a device.
func special(path string, e fs.DirEntry) bool {
	mode := e.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		if err != nil {
			return false // it leads nowhere
		}
		mode = info.Mode()
	}
	return mode&(fs.ModeNamedPipe|fs.ModeDevice|fs.ModeCharDevice) != 0
}

// IsArchive reports whether a file has the name of an archive. How it is
// compressed is seen from its first bytes.
func IsArchive(path string) bool {
	return slices.ContainsFunc([]string{".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.zst", ".tar.xz"}, func(ext string) bool { return strings.HasSuffix(path, ext) })
}

// folder is what a folder holds.
type folder struct {
	kind    Kind   // "" where there is nothing to build
	path    string // what to build
	found   string // for people
	folders []string
}

// source is what there is to build in it.
func (d folder) source() (source, error) {
	if d.kind == Go {
		if err := noSpecial(d.path); err != nil {
			return source{}, err
		}
	}
	return source{d.kind, d.path}, nil
}

func look(dir string) (folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return folder{}, fmt.Errorf("cannot read folder %s: %w", dir, err)
	}
	var files, modules, goFiles, others []string
	d := folder{path: dir}
	for _, e := range entries {
		name := e.Name()
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				continue // it leads nowhere
			}
			isDir = info.IsDir()
		}
		if isDir {
			d.folders = append(d.folders, name)
			continue
		}
		if special(filepath.Join(dir, name), e) {
			others = append(others, name+" (a pipe or a device)")
			continue
		}
		files = append(files, name)
		switch {
		case strings.HasSuffix(name, ".wasm"):
			modules = append(modules, name)
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name[0] != '_' && name[0] != '.':
			goFiles = append(goFiles, name)
		}
	}
	has := func(name string) bool { return slices.Contains(files, name) }
	found := func(k Kind, what string) (folder, error) {
		d.kind, d.found = k, what
		return d, nil
	}
	// The order of the design. Where several are present, source comes
	// before a Dockerfile beside it, because it serves every backend.
	if has("go.mod") || len(goFiles) > 0 {
		packages := map[string]bool{}
		for _, name := range goFiles {
			// An unreadable clause is the compiler's to report.
			pkg, err := packageOf(filepath.Join(dir, name))
			if err != nil || pkg == "main" {
				return found(Go, "Go source")
			}
			packages[pkg] = true
		}
		if len(packages) == 0 {
			d.found = "a go.mod but no Go file beside it; the function must be package main there"
		} else {
			d.found = fmt.Sprintf("Go files of package %s, but none of package main", anyOf(packages))
		}
		return d, nil
	}
	switch {
	case has("main.c"):
		return found(C, "C source")
	case has("Cargo.toml"):
		return found(Rust, "a Cargo.toml")
	case has("main.rs"):
		return found(Rust, "Rust source")
	case has("Dockerfile"):
		return found(Dockerfile, "a Dockerfile")
	case len(modules) == 1:
		d.path = filepath.Join(dir, modules[0])
		if err := checkModule(d.path); err != nil {
			return folder{}, err
		}
		return found(Module, modules[0])
	}
	d.found = listed(slices.Concat(files, d.folders, others))
	return d, nil
}

// listed names what a folder has, for people.
func listed(names []string) string {
	switch {
	case len(names) == 0:
		return "nothing in it"
	case len(names) <= 8:
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:8], ", "), len(names)-8)
}

// packageOf reads the package clause of a Go file.
func packageOf(path string) (string, error) {
	src, err := regular.Read(path, maxGoFile)
	if err != nil {
		return "", err
	}
	ast, err := parser.ParseFile(token.NewFileSet(), path, src, parser.PackageClauseOnly)
	if err != nil {
		return "", err
	}
	return ast.Name.Name, nil
}

// maxGoFile is the largest Go file whose package clause is read.
const maxGoFile = 64 << 20

func anyOf(set map[string]bool) string {
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	return slices.Min(names)
}

// checkModule reads the eight bytes at the head of a module (WebAssembly
// core specification, binary format: magic, version). A component has the
// same magic and another version.
func checkModule(path string) error {
	file, _, err := regular.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read the module: %w", err)
	}
	defer file.Close()
	var head [8]byte
	_, err = io.ReadFull(file, head[:])
	switch {
	case err != nil || !bytes.HasPrefix(head[:], []byte("\x00asm")):
		return fmt.Errorf("%s is not a WebAssembly module", path)
	case !bytes.Equal(head[4:], []byte{1, 0, 0, 0}):
		return fmt.Errorf("%s is a WebAssembly component or of an unknown version: a module for wasip1 is needed", path)
	}
	return nil
}
