package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/config"
	"github.com/nebula-bench/nebula/experiments"
	"github.com/nebula-bench/nebula/functions"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/regular"
)

// starter is what a first experiment is made of. Its folder's name keeps the
// go command out: the function is built where it is written to, not here.
//
//go:embed _starter
var starter embed.FS

// tree is files by their paths below a folder, with slashes.
type tree map[string][]byte

func (a *app) initCommand() *cobra.Command {
	var from string
	var list bool
	c := &cobra.Command{
		Use: "init [DIR]", Short: "Write a first experiment with a function, or one of Nebula's own", Args: cobra.MaximumNArgs(1),
		Long: `Write an experiment that runs at once, and the function that it needs, into DIR
or the current folder. With --from it is one of Nebula's own, with the functions
and whatever else it needs; --list says which there are. Nothing that is there
is overwritten.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				if from != "" || len(args) > 0 {
					return errors.New("--list only lists: give it neither a folder nor --from")
				}
				return fail(a.listExperiments())
			}
			return fail(a.init(filepath.Clean(strings.Join(args, "")), from))
		},
	}
	c.Flags().StringVar(&from, "from", "", "the `experiment` to write, in place of a first one")
	c.Flags().BoolVar(&list, "list", false, "list the experiments that --from takes, and what each asks")
	return c
}

func (a *app) listExperiments() error {
	all, err := experiments.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\n", d.Name, d.Question)
	}
	return w.Flush()
}

func (a *app) init(dir, from string) error {
	files, name, err := tree{}, "hello", error(nil)
	if from == "" {
		err = files.add(starter, "_starter", ".")
	} else {
		files, err = needed(from)
		name = from
	}
	if err != nil {
		return err
	}
	written, err := files.write(dir)
	for _, f := range written {
		fmt.Fprintln(a.stdout, f)
	}
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "experiments", name+".hcl")
	fmt.Fprintf(a.stderr, "Next:\n  nebula plan %[1]s\n  nebula run --quick %[1]s\n  nebula run %[1]s\n", quoted(file))
	for _, f := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(f) == ".sh" {
			fmt.Fprintf(a.stderr, "Before that, once: sh %s\n", quoted(filepath.Join(dir, f)))
		}
	}
	return nil
}

// needed gives one of Nebula's experiments and what it refers to. To find
// that out it is loaded, and for that it must lie on disk.
func needed(name string) (tree, error) {
	all, err := experiments.List()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(d experiments.Description) bool { return d.Name == name }) {
		return nil, &exitError{exitUsage, fmt.Errorf("no experiment %q: nebula init --list lists them", name)}
	}
	everything := tree{}
	if err := errors.Join(everything.add(experiments.Files, ".", "experiments"), everything.add(functions.Library, ".", "functions")); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "nebula-init-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if _, err := everything.write(work); err != nil {
		return nil, err
	}
	file := "experiments/" + name + ".hcl"
	x, problems := config.Language{Backends: backendTypes}.Load(filepath.Join(work, file), config.Inputs{})
	if x == nil {
		return nil, fmt.Errorf("load %s: %w", file, problems.Diagnostics)
	}
	wanted := []string{file}
	for _, f := range x.Functions {
		wanted = append(wanted, path.Join("experiments", f.Source)+"/")
		for _, source := range f.Mounted {
			wanted = append(wanted, path.Join("experiments", source)+"/")
		}
	}
	for _, f := range x.Files {
		wanted = append(wanted, path.Join("experiments", f))
	}
	for _, r := range x.References {
		wanted = append(wanted, path.Join("experiments", r.File))
	}
	for _, b := range x.Backends {
		wanted = append(wanted, baseMaker(b)...)
	}
	out := tree{}
	for f, content := range everything {
		if slices.ContainsFunc(wanted, func(w string) bool { return f == w || strings.HasSuffix(w, "/") && strings.HasPrefix(f, w) }) {
			out[f] = content
		}
	}
	return out, nil
}

// baseMaker is the script that makes a backend's root file system.
func baseMaker(b experiment.Backend) []string {
	o, ok := b.Options.(*docker.Options)
	if !ok || path.Ext(o.Base) != ".tar" {
		return nil
	}
	return []string{path.Join("experiments", strings.TrimSuffix(o.Base, ".tar")+".sh")}
}

// add takes what lies in a folder of files into the folder to.
func (t tree) add(files embed.FS, from, to string) error {
	return fs.WalkDir(files, from, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := files.ReadFile(p)
		t[path.Join(to, strings.TrimPrefix(p, from+"/"))] = content
		return err
	})
}

// write puts the files into a folder and returns those that were not there.
// Where one is there with another content, nothing is written at all.
func (t tree) write(dir string) (written []string, err error) {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		there, err := regular.Read(file, int64(len(t[name])))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil && !errors.Is(err, regular.ErrTooLarge):
			return nil, &exitError{exitUsage, fmt.Errorf("%w; nothing was written", err)}
		case !bytes.Equal(there, t[name]):
			return nil, &exitError{exitUsage, fmt.Errorf("%s is there and holds something else; nothing was written: move it away, or name another folder", file)}
		}
	}
	for _, name := range missing {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return written, err
		}
		err := atomicfile.Write(file, func(w io.Writer) error {
			_, err := w.Write(t[name])
			return err
		})
		if err != nil {
			return written, err
		}
		written = append(written, file)
	}
	return written, nil
}

// quoted is a file's name as a shell takes it.
func quoted(file string) string {
	if strings.Trim(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" && file[0] != '-' {
		return file
	}
	return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
}
