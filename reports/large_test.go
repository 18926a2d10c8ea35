package reports

import (
	"bufio"
	"encoding/json"
	"fmt"
	htmlpkg "html"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/testenv"
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
	err := atomicfile.Write(file, func(w io.Writer) error {
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
	peak := peakMemory(c.ProcessState)
	page, err := os.ReadFile(filepath.Join(f.Dir, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB of records: %.1f s, %d MB at most, a page of %d KB", size/1e6, took.Seconds(), peak/1e6, len(page)/1e3)
	if peak > 500e6 && !testenv.Race {
		t.Errorf("making the page took %d MB of memory, want at most 500", peak/1e6)
	}
	if len(page) > 5e6 {
		t.Errorf("the page has %d bytes, want at most 5 MB", len(page))
	}
	if _, err := exec.LookPath("chromium"); err == nil && hasCharts(t) {
		newBrowser(t).look(t, filepath.Join(f.Dir, pageFile), "light", 1200, 11, filepath.Join(shots(t), "million.png"))
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
	if err := WriteAssets(out); err != nil {
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

// year writes a history: nights of 50 cells with few trials each, of which
// one becomes slower at the 60th and the kernel changes at the same time.
func year(tb testing.TB, out string, nights, repeat int) {
	tb.Helper()
	x := large(50 * (repeat + 1))
	for n := range nights {
		x.run = func(r *results.Run) {
			r.Started = began.AddDate(0, 0, n)
			r.ID = r.Started.Format("20060102T150405Z-") + fmt.Sprintf("%04x", n)
			r.State = results.Complete
			if n >= 59 {
				r.Host.Kernel = "6.13.1"
			}
		}
		f := x.write(tb, out)
		err := atomicfile.Write(filepath.Join(f.Dir, results.TrialsFile), func(w io.Writer) error {
			rng := rand.New(rand.NewPCG(uint64(n), 4))
			b := bufio.NewWriterSize(w, 1<<20)
			for p := range f.Plan.Trials() {
				r := trial(rng, f.Plan.Cells[p.Cell], p)
				if ready, ok := r.At.Get(experiment.Ready); ok && n >= 59 && r.Backend == "wazero.wasm" && r.Input == "n=9" && r.Start == experiment.Cached {
					for _, e := range []experiment.Event{experiment.Ready, experiment.Done, experiment.Responded, experiment.Exited, experiment.Removed} {
						at, _ := r.At.Get(e)
						r.At.Set(e, at+ready/4)
					}
				}
				line, err := json.Marshal(r)
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
	}
}

// TestHistory looks at nights of 50 cells, of which one became slower.
func TestHistory(t *testing.T) {
	nights := 365
	if testing.Short() {
		nights = 90
	}
	out := t.TempDir()
	year(t, out, nights, 6)
	size := 0
	index := func() string {
		t.Helper()
		if err := WriteIndex(out); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(out, pageFile))
		if err != nil {
			t.Fatal(err)
		}
		size = len(b)
		return htmlpkg.UnescapeString(string(b))
	}
	begin := time.Now()
	html := index()
	first := time.Since(begin)
	begin = time.Now()
	if again := index(); again != html {
		t.Error("the page made from digests is another")
	}
	t.Logf("%d nights: %.1f s, %.1f s once they had been read, a page of %d KB", nights, first.Seconds(), time.Since(begin).Seconds(), size/1000)
	if size > 300_000 {
		t.Errorf("the page has %d bytes, want at most 300 KB", size)
	}
	section := func(html string) string {
		_, rest, _ := strings.Cut(html, "What became slower")
		rest, _, _ = strings.Cut(rest, "Over time")
		return rest
	}
	slower := section(html)
	dated := regexp.MustCompile(`<bdi class="bad">\+(\d+\.\d)[^[]*\[[^]]*\]</span></td><td><bdi>fibonacci</bdi></td><td><bdi>n=9</bdi></td><td><bdi>wazero.wasm</bdi></td>` +
		`<td><bdi>cached</bdi></td><td><bdi>startup</bdi></td><td><bdi>\d{8}T201500Z-(\w+)</bdi></td><td><bdi>([^<]*)</bdi>`).FindStringSubmatch(slower)
	if dated == nil {
		t.Fatalf("the step is not among what became slower:\n%s", slower)
	}
	night, _ := strconv.ParseInt(dated[2], 16, 32)
	if change, _ := strconv.ParseFloat(dated[1], 64); math.Abs(change-25) > 4 || night < 57 || night > 61 {
		t.Errorf("a step of %s %% at night %d, want 25 %% at 59", dated[1], night)
	}
	if dated[3] != "host.kernel: 6.12.9 → 6.13.1" {
		t.Errorf("what else changed: %q", dated[3])
	}
	if rows := strings.Count(slower, "<tr>") - 1; rows > 2 {
		t.Errorf("%d regressions, want the one that was made and hardly another:\n%s", rows, slower)
	}

	// Somebody looks at it.
	entry := regexp.MustCompile(`<pre tabindex="0"><bdi>(\{.*?\})</bdi>`).FindStringSubmatch(slower)
	if entry == nil {
		t.Fatal("the page does not say how to accept a regression")
	}
	ignore := filepath.Join(out, IgnoreFile)
	if err := os.WriteFile(ignore, []byte("["+entry[1]+"]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s := section(index()); !strings.Contains(s, "1 accepted") || strings.Contains(s, `class="bad">+`+dated[1]) {
		t.Errorf("an accepted regression still stands:\n%s", s)
	}
	if err := os.WriteFile(ignore, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(index(), "ignore.json: not a list of ignored regressions") {
		t.Error("a list that can't be read is not told")
	}

	// A digest of other records is no longer true.
	runs, _ := results.List(out)
	last := runs[len(runs)-1]
	b, err := os.ReadFile(filepath.Join(last.Dir, results.TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(last.Dir, results.TrialsFile), b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(index(), "The run says that it is complete, yet") {
		t.Error("records that are gone are still on the page")
	}
}

// BenchmarkIndex makes the index of a year of nights of 50 cells, and prints
// the bytes of the page.
func BenchmarkIndex(b *testing.B) {
	out := b.TempDir()
	year(b, out, 365, 20)
	for _, name := range []string{"first", "again"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if name == "first" {
					old, _ := filepath.Glob(filepath.Join(out, "runs", "*", "*", digestFile))
					for _, f := range old {
						os.Remove(f)
					}
				}
				if err := WriteIndex(out); err != nil {
					b.Fatal(err)
				}
			}
			info, err := os.Stat(filepath.Join(out, pageFile))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size()), "page-bytes")
		})
	}
}

// TestSingleFileSize holds the file of a large run to what can be mailed.
func TestSingleFileSize(t *testing.T) {
	if !hasCharts(t) {
		t.Skip("the chart library is not built in")
	}
	out := t.TempDir()
	f := large(20_000).write(t, out)
	writeRecords(t, f)
	file, err := WriteSingle(out, f)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() > 1_500_000 {
		t.Errorf("the file has %d bytes, want at most 1.5 MB (%v)", info.Size(), err)
	}
}
