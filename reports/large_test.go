package reports

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/results"
)

// large is a run of 50 cells, and of as many blocks as it takes.
func large(trials int) fixture {
	x := coldstart()
	x.inputs, x.repeat = nil, trials/50-1
	for n := range 10 {
		x.inputs = append(x.inputs, fmt.Sprintf("n=%d", 3*n))
	}
	x.until = -1 // writeRecords writes them
	return x
}

// writeRecords writes all records of a run, quicker than a run does.
func writeRecords(tb testing.TB, f *results.Folder) (size int64) {
	tb.Helper()
	file := filepath.Join(f.Dir, results.TrialsFile)
	err := results.WriteFile(file, func(w io.Writer) error {
		rng := rand.New(rand.NewPCG(3, 3))
		b := bufio.NewWriterSize(w, 1<<20)
		for p := range f.Plan.Trials() {
			line, err := json.Marshal(trial(rng, f.Plan.Cells[p.Cell], p))
			if err != nil {
				return err
			}
			b.Write(append(line, '\n'))
		}
		return b.Flush()
	})
	if err != nil {
		tb.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		tb.Fatal(err)
	}
	return info.Size()
}

const millionVariable = "NEBULA_TEST_MILLION"

// TestMillion makes the pages of a run of a million trials in a process of
// its own, whose memory the kernel counts. Seconds depend on who else is
// busy, so they are printed and not held against anything.
func TestMillion(t *testing.T) {
	if dir := os.Getenv(millionVariable); dir != "" {
		writeAll(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("takes some seconds and 400 MB of disk")
	}
	out := t.TempDir()
	f := large(1_000_000).write(t, out)
	size := writeRecords(t, f)
	begin := time.Now()
	c := exec.Command(os.Args[0], "-test.run", "^TestMillion$")
	c.Env = append(os.Environ(), millionVariable+"="+out)
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	took := time.Since(begin)
	peak := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	page, err := os.ReadFile(filepath.Join(f.Dir, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB of records: %.1f s, %d MB at most, a page of %d KB", size/1e6, took.Seconds(), peak/1e6, len(page)/1e3)
	if peak > 500e6 {
		t.Errorf("making the page took %d MB of memory, want at most 500", peak/1e6)
	}
	if len(page) > 5e6 {
		t.Errorf("the page has %d bytes, want at most 5 MB", len(page))
	}
	if !strings.Contains(string(page), "thinned") {
		t.Errorf("the page does not say that its charts show some of the samples only")
	}
}

// writeAll writes the pages of all runs below a folder.
func writeAll(tb testing.TB, out string) {
	tb.Helper()
	runs, bad := results.List(out)
	for _, err := range bad {
		tb.Fatal(err)
	}
	for _, f := range runs {
		if err := Write(out, f); err != nil {
			tb.Fatal(err)
		}
	}
	if err := WriteIndex(out); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkMillion prints how long it takes.
func BenchmarkMillion(b *testing.B) {
	out := b.TempDir()
	f := large(1_000_000).write(b, out)
	b.SetBytes(writeRecords(b, f))
	for b.Loop() {
		if err := Write(out, f); err != nil {
			b.Fatal(err)
		}
	}
}
