//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nebula-bench/nebula/experiment/results"
)

// This file spoils the folders of stored runs: by their structure, a field
// here and a line there, and by what lies in a file's place.

// recordFiles are the files of a run's folder.
var recordFiles = []string{results.RunFile, results.PlanFile, results.TrialsFile, results.StopsFile, results.EnergyFile}

// mutator spoils copies of real folders. The same numbers give the same copy.
type mutator struct {
	*rand.Rand
	seeds  []string // folders of real runs
	canary string   // a folder that nothing may touch
	did    []string
}

func storedRuns(t testing.TB) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/runs/*/*")
	if err != nil || len(dirs) < 5 {
		t.Fatal(dirs, err)
	}
	return dirs
}

func (m *mutator) note(format string, args ...any) {
	m.did = append(m.did, fmt.Sprintf(format, args...))
}

// spoil copies one of the folders below out and spoils the copy.
func (m *mutator) spoil(t testing.TB, out string, report func()) (dir string) {
	seed := m.seeds[m.IntN(len(m.seeds))]
	dir = filepath.Join(out, "runs", filepath.Base(filepath.Dir(seed)), filepath.Base(seed))
	if err := os.CopyFS(dir, os.DirFS(seed)); err != nil {
		t.Fatal(err)
	}
	m.note("%s", filepath.Base(filepath.Dir(seed)))
	for range 1 + m.IntN(3) {
		var err error
		switch n := m.IntN(100); {
		case n < 70:
			err = m.field(filepath.Join(dir, m.file(dir)))
		case n < 84:
			err = m.lines(filepath.Join(dir, m.file(dir)))
		case n < 90:
			err = m.inPlace(filepath.Join(dir, recordFiles[m.IntN(len(recordFiles))]))
		case n < 93:
			err = m.swap(dir)
		case n < 97:
			report()
			if digest := filepath.Join(dir, "digest.json"); exists(digest) {
				err = m.field(digest)
			}
		case n < 98:
			err = m.beside(dir, out)
		default:
			err = m.links(dir)
		}
		if err != nil {
			t.Fatalf("%v: %v", m.did, err)
		}
	}
	return dir
}

func exists(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// file picks a file that is there and can be spoilt.
func (m *mutator) file(dir string) string {
	for range 20 {
		if name := recordFiles[m.IntN(len(recordFiles))]; exists(filepath.Join(dir, name)) {
			return name
		}
	}
	return results.RunFile
}

// field changes a field somewhere in a file of JSON, or in a line of one.
func (m *mutator) field(name string) error {
	if tooLarge(name) {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, part, after := []byte{}, text, []byte{}
	if strings.HasSuffix(name, ".jsonl") {
		lines := bytes.SplitAfter(text, []byte("\n"))
		i := m.IntN(len(lines))
		before, part, after = bytes.Join(lines[:i], nil), lines[i], bytes.Join(lines[i+1:], nil)
	}
	root, err := parseNode(part)
	if err != nil {
		return nil // spoilt already
	}
	m.change(filepath.Base(name), root)
	end := ""
	if strings.HasSuffix(name, ".jsonl") {
		end = "\n"
	}
	part = append(root.text(nil), end...)
	return os.WriteFile(name, slices.Concat(before, part, after), 0o644)
}

// tooLarge tells what was put into a file's place from a file.
func tooLarge(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Size() > 64<<20 || !info.Mode().IsRegular()
}

// node is JSON that keeps its order.
type node struct {
	raw  string // of a value that holds no other
	open byte   // { or [
	keys []string
	kids []*node
}

func parseNode(b []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := parseFrom(d)
	if err == nil && d.More() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func parseFrom(d *json.Decoder) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		b, err := json.Marshal(t)
		return &node{raw: string(b)}, err
	}
	n := &node{open: byte(open)}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, key.(string))
		}
		kid, err := parseFrom(d)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	_, err = d.Token()
	return n, err
}

func (n *node) text(b []byte) []byte {
	if n.open == 0 {
		return append(b, n.raw...)
	}
	b = append(b, n.open)
	for i, k := range n.kids {
		if i > 0 {
			b = append(b, ',')
		}
		if n.open == '{' {
			b = append(strconv.AppendQuoteToASCII(b, n.keys[i]), ':')
		}
		b = k.text(b)
	}
	return append(b, n.open+2) // ] and }
}

// change changes something below a node.
func (m *mutator) change(at string, n *node) {
	for len(n.kids) > 0 {
		i := m.IntN(len(n.kids))
		kid, name := n.kids[i], fmt.Sprint(i)
		if n.open == '{' {
			name = n.keys[i]
		}
		at += "." + name
		if len(kid.kids) > 0 && m.IntN(4) > 0 {
			n = kid
			continue
		}
		switch what := m.IntN(12); {
		case what == 0:
			m.note("delete %s", at)
			n.kids = slices.Delete(n.kids, i, i+1)
			if n.open == '{' {
				n.keys = slices.Delete(n.keys, i, i+1)
			}
		case what == 1 && n.open == '[':
			m.note("twice %s", at)
			n.kids = slices.Insert(n.kids, i, kid)
		case what == 2:
			j := m.IntN(len(n.kids))
			m.note("swap %s and %d", at, j)
			n.kids[i], n.kids[j] = n.kids[j], n.kids[i]
		default:
			raw := m.value(kid)
			m.note("%s = %.40s", at, raw)
			n.kids[i] = &node{raw: raw}
		}
		return
	}
}

// hostile are values that have broken programs before.
var hostile = []string{
	"null", "null", "{}", "[]", `""`, "true", "0", "-1", "1", "2", "1000000", "1e308", "-1e308", "1e-320", "1e999", "0.5",
	"9223372036854775807", "-9223372036854775808", "18446744073709551615", "4611686018427387904", "2147483648",
	`"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999999-23:59"`, `"1677-01-01T00:00:00Z"`, `"2026-11-28T15:00:00+14:00"`,
	`"../../../canary"`, `"/"`, `".."`, `"a\u0000b"`, `"\u001b]0;owned\u0007\u001b[2J"`, `"\u202eright to left\u202c"`, `"=cmd|' /C calc'!A0"`,
	`"</script><script>alert(1)</script>"`, `"\ud800"`, `"\uffff"`, `"complete"`, `"running"`, `"cold"`, `"warm"`, `"startup"`, `"energy"`,
	`[null]`, `[{}]`, `{"":null}`, `[[[[[[[[]]]]]]]]`,
}

func (m *mutator) value(old *node) string {
	switch m.IntN(16) {
	case 0:
		return `"` + strings.Repeat("x", 1<<(8+m.IntN(13))) + `"`
	case 1:
		depth := 1 << (4 + m.IntN(11))
		return strings.Repeat("[", depth) + strings.Repeat("]", depth)
	case 2:
		depth := 1 << (4 + m.IntN(9))
		return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
	case 3:
		return `"` + strings.Repeat(`\u001b[31m`, 100) + `"`
	case 4:
		return "[" + strings.Repeat(string(old.text(nil))+",", 1+m.IntN(40)) + string(old.text(nil)) + "]"
	case 5:
		return strconv.FormatInt(m.Int64()>>m.IntN(63), 10)
	}
	return hostile[m.IntN(len(hostile))]
}

// lines drops, doubles, tears or shuffles lines, or puts noise among them.
func (m *mutator) lines(name string) error {
	if tooLarge(name) {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil || len(text) == 0 {
		return err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	i, j := m.IntN(len(lines)), m.IntN(len(lines))
	what := m.IntN(7)
	m.note("lines of %s: %d", filepath.Base(name), what)
	switch what {
	case 0:
		lines = slices.Delete(lines, min(i, j), max(i, j))
	case 1:
		lines = slices.Insert(lines, i, lines[j])
	case 2:
		lines[i] = lines[i][:m.IntN(len(lines[i])+1)]
	case 3:
		m.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
	case 4:
		noise := make([]byte, 1+m.IntN(200))
		for k := range noise {
			noise[k] = byte(m.Uint32())
		}
		lines[i] = slices.Concat(noise, lines[i])
	case 5:
		b := slices.Concat(lines...)
		for range 1 + m.IntN(8) {
			b[m.IntN(len(b))] ^= 1 << m.IntN(8)
		}
		lines = [][]byte{b}
	case 6:
		lines = [][]byte{text[:m.IntN(len(text))]}
	}
	return os.WriteFile(name, slices.Concat(lines...), 0o644)
}

// inPlace puts something else in the place of a file.
func (m *mutator) inPlace(name string) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	what := m.IntN(8)
	m.note("in the place of %s: %d", filepath.Base(name), what)
	switch what {
	case 0:
		return nil
	case 1:
		return os.WriteFile(name, nil, 0o644)
	case 2:
		return os.Mkdir(name, 0o755)
	case 3:
		return syscall.Mkfifo(name, 0o644)
	case 4:
		return os.Symlink(filepath.Base(name), name)
	case 5:
		return os.Symlink("/dev/zero", name)
	case 6:
		return os.Symlink(filepath.Join(m.canary, "file"), name)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(int64(1+m.IntN(64)) << 30) // a file of gigabytes, of which none is on the disk
}

// swap takes a file from another run.
func (m *mutator) swap(dir string) error {
	other, name := m.seeds[m.IntN(len(m.seeds))], recordFiles[m.IntN(len(recordFiles))]
	m.note("%s of %s", name, filepath.Base(filepath.Dir(other)))
	b, err := os.ReadFile(filepath.Join(other, name))
	if err != nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), b, 0o644)
}

// beside spoils what lies beside a run's folder.
func (m *mutator) beside(dir, out string) error {
	name := filepath.Join(filepath.Dir(dir), results.BaselineFile)
	text := []string{"../../../canary\n", "", "\x00\n", filepath.Base(dir) + "\n", strings.Repeat("x", 1<<20)}[m.IntN(5)]
	if m.IntN(2) == 0 {
		name = filepath.Join(out, "ignore.json")
		text = `[{"experiment":` + m.value(&node{raw: "1"}) + `,"cell":"` + strings.Repeat("*a", 1<<m.IntN(12)) + `"}]`
	}
	m.note("%s = %.40q", filepath.Base(name), text)
	if m.IntN(4) == 0 {
		return m.inPlace(name)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// links puts links to the canary where pages and their library are written.
func (m *mutator) links(dir string) error {
	name := []string{"index.html", "digest.json", "assets"}[m.IntN(3)]
	m.note("%s is a link", name)
	to := filepath.Join(m.canary, "file")
	if name == "assets" {
		to = m.canary
	}
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		return err
	}
	return os.Symlink(to, filepath.Join(dir, name))
}

// treeOf lists what lies below a folder, with its content where that is small.
func treeOf(t testing.TB, root string, skip string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == skip {
			return fs.SkipDir
		}
		line := strings.TrimPrefix(path, root)
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += "=" + string(b)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
