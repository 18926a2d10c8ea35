// Package reports makes pages of stored runs, and of nothing else: whoever
// has a run's folder gets the same page, with no engine and no network.
//
// It puts the answer in words before it draws anything, and what takes away
// from the answer before any chart. It does not trust a name: what comes
// from a file is text on every page, whatever it holds.
package reports

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/experiment/results"
)

var pages = template.Must(template.New("").Funcs(template.FuncMap{"level": func() string { return level }}).ParseFS(files, "web/*.tmpl", "web/run/*.tmpl"))

const pageFile = "index.html"

// Write writes the page of a run into its place below the output folder.
func Write(out string, f *results.Folder) error {
	dir, err := place(out, f)
	if err != nil {
		return err
	}
	s, err := Summarise(f)
	if err != nil {
		return err
	}
	raw, err := link(dir, f.Dir)
	if err != nil {
		return err
	}
	from := besidePage
	if as, err := assets(); err != nil {
		return err
	} else if len(as) == 0 {
		from = onNetwork
	}
	p, err := newRunPage(s, raw, from)
	if err != nil {
		return err
	}
	p.Again.Files = recordsIn(f.Dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := linkAssets(out, dir); err != nil {
		return err
	}
	if err := render(filepath.Join(dir, pageFile), "run", p); err != nil {
		return err
	}
	newDigest(f, s, true).store(f.Dir)
	return nil
}

// SingleFile is the name of the one file that holds everything about a run,
// below the output folder.
func SingleFile(out string, f *results.Folder) (string, error) {
	if err := canName(f); err != nil {
		return "", err
	}
	return filepath.Join(out, f.Run.Experiment+"-"+f.Run.ID+".html"), nil
}

// WriteSingle writes the page of a run as one file, with the chart library in
// it: to be mailed. The raw records are not in it.
func WriteSingle(out string, f *results.Folder) (file string, err error) {
	if file, err = SingleFile(out, f); err != nil {
		return "", err
	}
	if as, err := assets(); err != nil || len(as) == 0 {
		return "", errors.Join(errors.New("this build has no chart library to put into a file: build it with npm (make charts)"), err)
	}
	s, err := Summarise(f)
	if err != nil {
		return "", err
	}
	p, err := newRunPage(s, "", inPage)
	if err != nil {
		return "", err
	}
	return file, render(file, "run", p)
}

// place is where a run's page belongs: in its own folder, if that is one of
// the output folder, whatever the run says of itself. The names come from
// run.json, which may have been written by anyone.
func place(out string, f *results.Folder) (string, error) {
	if err := canName(f); err != nil {
		return "", err
	}
	if runs, err := filepath.Rel(filepath.Join(out, "runs"), f.Dir); err == nil && filepath.IsLocal(runs) &&
		strings.Count(filepath.ToSlash(runs), "/") == 1 {
		return f.Dir, nil
	}
	return results.Dir(out, f.Run.Experiment, f.Run.ID), nil
}

// canName refuses a run by which no file or folder can be called.
func canName(f *results.Folder) error {
	for _, name := range []string{f.Run.Experiment, f.Run.ID} {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
			return fmt.Errorf("%s: %q cannot name a folder", filepath.Join(f.Dir, results.RunFile), name)
		}
	}
	return nil
}

// link gives the relative address of one folder as seen from another, with a
// slash at its end; empty where they are the same.
func link(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(from, to)
	if err != nil || rel == "." {
		return "", err
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/") + "/", nil
}

func render(file, name string, data any) error {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	return writeFile(file, b.Bytes())
}

// table is a table of text.
type table struct {
	Head  []column
	Rows  [][]td
	Cells []int // of each row, where rows are about cells: the page's filters hide them
	More  int   // rows that were cut off
}

// twinRows is how many rows a table below a chart has. The table of all cells
// has all, and an export every trial.
const twinRows = 300

func (t *table) cut() {
	if t.More = len(t.Rows) - twinRows; t.More <= 0 {
		t.More = 0
		return
	}
	t.Rows = t.Rows[:twinRows]
	t.Cells = t.Cells[:min(len(t.Cells), twinRows)]
}

// Long tells a table that would keep a reader from what stands below it.
func (t table) Long() bool { return len(t.Rows) > 100 }

// add appends a row about a cell.
func (t *table) add(c Cell, row []td) {
	t.Rows, t.Cells = append(t.Rows, row), append(t.Cells, c.index)
}

// Cell is what a row is about, as an attribute; empty where that is no cell.
func (t table) Cell(row int) string {
	if row >= len(t.Cells) {
		return ""
	}
	return strconv.Itoa(t.Cells[row])
}

type column struct {
	Text  string
	Right bool
}

type td struct {
	Text  string
	Below string // smaller, on its own line
	Link  string
	Right bool
	Bad   bool
	Sort  string // what a sortable table sorts by, where that is not Text
}

func left(names ...string) (cs []column) {
	for _, n := range names {
		cs = append(cs, column{Text: n})
	}
	return cs
}

func right(names ...string) (cs []column) {
	for _, n := range names {
		cs = append(cs, column{Text: n, Right: true})
	}
	return cs
}

func cells(texts ...string) (row []td) {
	for _, t := range texts {
		row = append(row, td{Text: t})
	}
	return row
}

// fact is a line of a list of facts.
type fact struct{ Key, Value string }

func facts(pairs ...string) (fs []fact) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fs = append(fs, fact{pairs[i], pairs[i+1]})
		}
	}
	return fs
}
