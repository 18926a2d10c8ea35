//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// folderSeed makes the spoilt folders; the same ones every time.
const folderSeed = 15

// TestSpoiltFolders lets every command on stored runs read folders that were
// spoilt, each beside a good one: none may panic, hang, write outside the
// output folder, or keep the good one from being shown.
//
// NEBULA_TEST_FOLDERS says how many, or which: 313-314 is number 313 alone.
// make fuzz has 10,000.
func TestSpoiltFolders(t *testing.T) {
	first, n := 0, 24
	if s := os.Getenv("NEBULA_TEST_FOLDERS"); s != "" {
		from, to, part := strings.Cut(s, "-")
		if !part {
			from, to = "0", s
		}
		var err, err2 error
		first, err = strconv.Atoi(from)
		n, err2 = strconv.Atoi(to)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
	}
	var next, refused, failed atomic.Int64
	next.Store(int64(first))
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() < 10; i = next.Add(1) - 1 {
				wasRefused, good := spoiltFolder(t, uint64(i))
				if wasRefused {
					refused.Add(1)
				}
				if !good {
					failed.Add(1)
				}
				if i%500 == 499 {
					fmt.Fprintf(os.Stderr, "%d folders\n", i+1)
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d folders, of which %d were refused", n-first, refused.Load())
}

// spoiltFolder makes a folder and reads it; it reports whether it was refused,
// and whether all went well.
func spoiltFolder(t *testing.T, number uint64) (refused, well bool) {
	root, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Error(err)
		return false, false
	}
	defer os.RemoveAll(root)
	out, canary := filepath.Join(root, "reports"), filepath.Join(root, "canary")
	m := &mutator{Rand: rand.New(rand.NewPCG(folderSeed, number)), seeds: storedRuns(t), canary: canary}
	good := filepath.Join(out, "runs", "good", "20200101T000000Z-0000")
	if err := goodFolder(good, canary); err != nil {
		t.Error(err)
		return false, false
	}
	f := &spoilt{t: t, m: m, number: number, out: out}
	f.dir = m.spoil(t, out, func() { f.nebula("report") })
	before := treeOf(t, root, out)

	code, _, said := f.nebula("report")
	refused = code != exitFine
	f.shown(good, said, refused)
	id := filepath.Base(f.dir)
	f.nebula("list")
	f.nebula("show", f.dir)
	f.nebula("show", id)
	f.data("show", f.dir, "--json")
	f.nebula("show", f.dir, "--diff", good)
	f.nebula("compare", f.dir, good)
	junit := filepath.Join(out, "junit.xml")
	f.data("compare", good, f.dir, "--json", "--junit", junit, "--summary", filepath.Join(out, "summary.md"))
	if b, err := os.ReadFile(junit); err == nil {
		f.wellFormed(b)
	}
	f.nebula("compare", f.dir, f.dir)
	for _, format := range []string{"csv", "parquet", "benchfmt", "openmetrics", "markdown"} {
		f.nebula("export", f.dir, "--format", format)
	}
	f.data("export", f.dir, "--format", "json")
	f.data("export", f.dir, "--format", "json", "--energy")
	f.nebula("export", f.dir, "--format", "csv", "--energy")
	f.nebula("export", f.dir, "--format", "parquet", "--energy", "--output", filepath.Join(out, "e.parquet"))
	f.nebula("report", "--single-file", f.dir)
	f.nebula("baseline")
	f.nebula("baseline", f.dir)
	f.nebula("prune", "--keep-runs", "1", "--dry-run")
	if after := treeOf(t, root, out); !slices.Equal(before, after) {
		f.errorf("outside the output folder there is now %q, and was %q", after, before)
	}
	return refused, !f.bad
}

// goodFolder makes a small run that nothing is wrong with, as another
// experiment of the first of the stored ones.
func goodFolder(dir, canary string) error {
	from, err := filepath.Glob("testdata/runs/trials/*-0ce8")
	if err != nil || len(from) != 1 {
		return fmt.Errorf("%v, %w", from, err)
	}
	if err := os.CopyFS(dir, os.DirFS(from[0])); err != nil {
		return err
	}
	for _, name := range []string{"run.json", "plan.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		b = bytes.Replace(b, []byte(`"experiment": "trials"`), []byte(`"experiment": "good"`), 1)
		b = bytes.Replace(b, []byte(filepath.Base(from[0])), []byte(filepath.Base(dir)), 1)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	if err := os.Mkdir(canary, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(canary, "file"), []byte("untouched"), 0o644)
}

// spoilt is a spoilt folder in an output folder of its own.
type spoilt struct {
	t        *testing.T
	m        *mutator
	number   uint64
	out, dir string
	bad      bool
}

func (f *spoilt) errorf(format string, args ...any) {
	f.bad = true
	f.t.Errorf("folder %d, %q: "+format, append([]any{f.number, f.m.did}, args...)...)
}

// nebula runs a command, which must end of itself, soon, and with a code. On a
// machine that does much else, one that was slow has a second try.
func (f *spoilt) nebula(args ...string) (code int, stdout []byte, stderr string) {
	began := time.Now()
	code, stdout, stderr = f.once(args...)
	if time.Since(began) > 5*time.Second {
		began = time.Now()
		if code, stdout, stderr = f.once(args...); time.Since(began) > 5*time.Second {
			f.errorf("nebula %q took %s", args, time.Since(began))
		}
	}
	return code, stdout, stderr
}

func (f *spoilt) once(args ...string) (code int, stdout []byte, stderr string) {
	args = append(args, "--out", f.out)
	type ended struct {
		code  int
		panic string
	}
	var so, se bytes.Buffer
	done := make(chan ended, 1)
	go func() {
		var e ended
		defer func() {
			if p := recover(); p != nil {
				e.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			done <- e
		}()
		e.code = run(context.Background(), args, strings.NewReader(""), &so, &se)
	}()
	select {
	case e := <-done:
		if e.panic != "" {
			f.errorf("nebula %q: panic: %s", args, e.panic)
			return -1, nil, ""
		}
		if e.code < exitFine || e.code > exitUnsure {
			f.errorf("nebula %q: exit code %d", args, e.code)
		}
		if e.code == exitUsage && !strings.Contains(se.String(), "nebula: ") || hasControls(se.String()) || hasControls(asText(args, so.String())) {
			f.errorf("nebula %q: exit code %d, and it said %.500q %.500q", args, e.code, se.String(), so.String())
		}
		return e.code, so.Bytes(), se.String()
	case <-time.After(30 * time.Second):
		f.t.Fatalf("folder %d, %q: nebula %q hangs", f.number, f.m.did, args)
		return
	}
}

// asText gives what a command wrote for people: not what is data.
func asText(args []string, s string) string {
	if args[0] == "export" || slices.Contains(args, "--json") {
		return ""
	}
	return s
}

// hasControls reports whether a text would do something to a terminal.
func hasControls(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}

// data runs a command that writes JSON.
func (f *spoilt) data(args ...string) {
	code, b, _ := f.nebula(args...)
	if ok := code == exitFine || code == exitWorse || code == exitUnsure; ok && !json.Valid(b) {
		f.errorf("nebula %q wrote no JSON: %.300q", args, b)
	}
}

func (f *spoilt) wellFormed(b []byte) {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			f.errorf("JUnit: %v", err)
			return
		}
	}
}

// shown checks that the index has the good run, and the spoilt one among the
// others or among those that can't be read.
func (f *spoilt) shown(good, said string, refused bool) {
	index, err := os.ReadFile(filepath.Join(f.out, "index.html"))
	if err != nil {
		f.errorf("%v", err)
		return
	}
	page := "runs/good/" + filepath.Base(good) + "/index.html"
	own := strings.TrimPrefix(f.dir, f.out+"/")
	switch {
	case !exists(filepath.Join(good, "index.html")) || !bytes.Contains(index, []byte(page)):
		f.errorf("the good run is not shown")
	case !bytes.Contains(index, []byte(own)) && !bytes.Contains(index, []byte(filepath.Base(own))):
		if _, err := os.Lstat(filepath.Join(f.dir, "run.json")); err == nil {
			f.errorf("the index does not name it")
		}
	case refused && !strings.Contains(said, own) && !strings.Contains(said, "ignore.json"):
		f.errorf("nobody said why it is left out: %s", said)
	}
}
