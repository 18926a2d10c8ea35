package reports

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// colours counts the colours of each canvas on the page, up to 50.
const colours = `[...document.querySelectorAll(".chart canvas")].map((c) => {
	const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, seen = new Set();
	for (let i = 0; i < d.length && seen.size < 50; i += 4) seen.add(d[i] << 24 | d[i+1] << 16 | d[i+2] << 8 | d[i+3]);
	return seen.size;
})`

// drawAll scrolls through the page, because charts are drawn when they come
// into view, and asks each for a tooltip. It gives the charts that failed.
const drawAll = `(async () => {
	const failed = [];
	for (const c of document.querySelectorAll(".chart")) {
		c.scrollIntoView({ block: "center" });
		for (let i = 0; i < 250 && !c.dataset.drawn; i++) await new Promise((r) => setTimeout(r, 20));
		const chart = echarts.getInstanceByDom(c);
		chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: 0 });
		const tip = c.querySelector(".tip b bdi");
		if (!c.dataset.drawn || !tip || tip.textContent === "") failed.push(c.id + (c.dataset.drawn ? " has no tooltip" : " is not drawn"));
		chart.dispatchAction({ type: "hideTip" });
	}
	scrollTo(0, 0);
	await new Promise((r) => setTimeout(r, 150)); // for the last tooltip to go
	return failed;
})()`

// firstChart waits for the first chart and gives the milliseconds since the
// page began to load.
const firstChart = `(async () => {
	const c = document.querySelector(".chart");
	if (!c) return 0;
	c.scrollIntoView({ block: "center" });
	for (let i = 0; i < 1000 && !c.dataset.drawn; i++) await new Promise((r) => setTimeout(r, 10));
	return Math.round(performance.now());
})()`

// barriers are what axe-core finds on the page that keeps somebody out.
const barriers = `axe.run(document, { resultTypes: ["violations"] }).then((r) =>
	r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => v.impact + ": " + v.help + ", " + v.nodes.length + " times, first " + v.nodes[0].html.slice(0, 300)))`

// axe is the accessibility checker, which npm installs for tests only.
func axe(t *testing.T) string {
	b, err := os.ReadFile("web/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core is not installed (npm ci --prefix reports/web): %v", err)
	}
	return string(b)
}

// handle does what a reader can do to a page: choose another input, print.
// It gives the number of folded tables while printing and after.
const handle = `(() => {
	for (const s of document.querySelectorAll("select")) {
		s.selectedIndex = s.options.length - 1;
		s.dispatchEvent(new Event("change"));
	}
	const folded = () => document.querySelectorAll("details.twin:not([open])").length;
	const before = folded();
	dispatchEvent(new Event("beforeprint"));
	const during = folded();
	dispatchEvent(new Event("afterprint"));
	return [before, during, folded()];
})()`

func TestPagesInBrowser(t *testing.T) {
	needCharts(t)
	dir := shots(t)
	browser := newBrowser(t)

	tests := []struct {
		name string
		fixture
		charts int
	}{
		{"coldstart", coldstart(), 11},
		{"without docker", withoutDocker(), 10},
		{"many", many(), 22},
		{"thesis", thesis(), 12},
		{"energy", energyCases()["simulated"].fixture, 15},
		{"hostile", hostileRun(), 9 * len(hostileNames)},
	}
	for _, test := range tests {
		out := t.TempDir()
		f := test.write(t, out)
		if err := WriteAssets(out); err != nil {
			t.Fatal(err)
		}
		if err := Write(out, f); err != nil {
			t.Fatal(err)
		}
		if err := WriteIndex(out); err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{360, 1600} {
				if test.name != "coldstart" && (scheme == "light") != (width == 360) {
					continue // two of the four looks are enough for the long pages
				}
				t.Run(fmt.Sprintf("%s %s %d", test.name, scheme, width), func(t *testing.T) {
					stem := filepath.Join(dir, strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", test.name, scheme, width), " ", "-"))
					browser.look(t, filepath.Join(f.Dir, pageFile), scheme, width, test.charts, stem+".png")
					browser.look(t, filepath.Join(out, pageFile), scheme, width, 0, stem+"-index.png")
				})
			}
		}
	}
}

// filter follows a link that shows two inputs of one backend, then hides an
// input by hand, sorts the table by its n, and shows all again. It gives, for
// each step, the rows of the table, the symbols of the first chart of
// startup, the address, and the first row's startup.
const filter = `(async () => {
	const out = [], el = document.getElementById("f1-1");
	const dots = () => {
		const chart = echarts.getInstanceByDom(el);
		return chart ? chart.getOption().series.reduce((n, s) => n + s.data.length, 0) : 0;
	};
	const until = async (n) => {
		for (let i = 0; i < 500 && dots() !== n; i++) await new Promise((r) => setTimeout(r, 20));
	};
	const look = () => {
		const rows = [...document.querySelectorAll(".sortable tbody tr")].filter((r) => !r.hidden);
		out.push([rows.length, dots(), location.hash, rows[0].cells[4].firstChild.textContent].join(" "));
	};
	el.scrollIntoView();
	await until(20);
	look();
	location.hash = "input=n%3D0&input=n%3D20&backend=wazero.wasm";
	await until(6);
	look();
	document.querySelector("input[name=input][value='2']").click();
	await until(3);
	look();
	const by = document.querySelectorAll(".sortable th button")[4];
	by.click(); look(); by.click(); look(); by.click();
	document.querySelector(".filters [type=reset]").click();
	await until(20);
	look();
	return out;
})()`

func TestHistoryInBrowser(t *testing.T) {
	needCharts(t)
	out := t.TempDir()
	year(t, out, 90, 6)
	if err := WriteAssets(out); err != nil {
		t.Fatal(err)
	}
	if err := WriteIndex(out); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1600} {
			shot := filepath.Join(shots(t), fmt.Sprintf("history-%s-%d.png", scheme, width))
			b.look(t, filepath.Join(out, pageFile), scheme, width, 2, shot)
		}
	}

	// Names stay text in a history too.
	out = t.TempDir()
	for n := range 4 {
		x := hostileRun()
		x.run = func(r *results.Run) {
			r.ID, r.Started = fmt.Sprintf("20261122T201500Z-000%d", n), began.AddDate(0, 0, n)
			r.Host.Kernel = hostileNames[n]
		}
		x.write(t, out)
	}
	writeAll(t, out)
	b.look(t, filepath.Join(out, pageFile), "light", 1200, 2, filepath.Join(shots(t), "history-hostile.png"))
}

// hostileRun is a run whose names have broken reports.
func hostileRun() fixture {
	x := coldstart()
	x.experiment = `<img src=x onerror=alert(1)>`
	x.functions = hostileNames
	x.inputs = []string{`"'><script>alert(2)</script>`}
	x.repeat = 8
	return x
}

// TestMovedInBrowser opens a run's folder that was moved away from all
// others, and a run's single file.
func TestMovedInBrowser(t *testing.T) {
	needCharts(t)
	out := t.TempDir()
	f := coldstart().write(t, out)
	writeAll(t, out)
	elsewhere := filepath.Join(t.TempDir(), "mailed")
	if err := os.CopyFS(elsewhere, os.DirFS(f.Dir)); err != nil {
		t.Fatal(err)
	}
	single, err := WriteSingle(out, f)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "one.html")
	if err := os.Rename(single, alone); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(alone); err != nil || info.Size() > 1_500_000 {
		t.Errorf("the single file has %d bytes, want at most 1.5 MB (%v)", info.Size(), err)
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.look(t, filepath.Join(elsewhere, pageFile), "light", 1200, 11, filepath.Join(shots(t), "moved.png"))
	b.look(t, alone, "dark", 1200, 11, filepath.Join(shots(t), "single.png"))
}

// shots is where screenshots go.
func shots(t *testing.T) string {
	if dir := os.Getenv("NEBULA_TEST_SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

func TestFiltersInBrowser(t *testing.T) {
	needCharts(t)
	out := t.TempDir()
	f := coldstart().write(t, out)
	if err := WriteAssets(out); err != nil {
		t.Fatal(err)
	}
	if err := Write(out, f); err != nil {
		t.Fatal(err)
	}
	tab, closeTab := chromedp.NewContext(newBrowser(t).ctx)
	defer closeTab()
	err := chromedp.Listen(tab, func(ev any) {
		if ev, ok := ev.(*runtime.EventExceptionThrown); ok {
			t.Errorf("%s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	address := url.URL{Scheme: "file", Path: filepath.Join(f.Dir, pageFile)}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900), chromedp.Navigate(address.String())); err != nil {
		t.Fatal(err)
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](filter, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	const both, one = "#input=n%3D0&input=n%3D20&backend=wazero.wasm", "#input=n%3D0&backend=wazero.wasm"
	want := []string{
		"20 20 1.504 s",
		"6 6 " + both + " 1.504 s",
		"3 3 " + one + " 1.504 s",
		"3 3 " + one + "&sort=4%2B 6.493 ms",
		"3 3 " + one + "&sort=4- 1.504 s",
		"20 20 1.504 s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func needCharts(t *testing.T) {
	t.Helper()
	testenv.Need(t, "chromium")
	if !hasCharts(t) {
		const why = "the chart library is not built in (npm ci --prefix reports/web && npm run --prefix reports/web build)"
		if strings.Contains(os.Getenv("NEBULA_TEST_REQUIRE"), "chromium") {
			t.Fatal(why)
		}
		t.Skip(why)
	}
}

func hasCharts(t *testing.T) bool {
	t.Helper()
	as, err := assets()
	if err != nil {
		t.Fatal(err)
	}
	return len(as) > 0
}

// withoutDocker is the coldstart run of a machine that has no Docker.
func withoutDocker() fixture {
	x := coldstart()
	x.lacks = func(_ experiment.Function, b experiment.Backend, _ experiment.Start) experiment.Lack {
		if b.Type == "docker" {
			return experiment.Lack{Reason: "Docker does not answer: dial unix docker.sock: no such file or directory (start it with: systemctl start docker)", Machine: true}
		}
		return experiment.Lack{}
	}
	return x
}

// many has more of everything, and some of it went wrong.
func many() fixture {
	x := coldstart()
	x.functions, x.inputs, x.repeat = []string{"fibonacci", "prime"}, nil, 12
	for n := range 16 {
		x.inputs = append(x.inputs, fmt.Sprintf("n=%d", 2*n))
	}
	x.backends = append(x.backends, experiment.Backend{Type: "wazero", Label: "interpreter", Starts: []experiment.Start{experiment.Cold, experiment.Warm}})
	x.state, x.until = results.Interrupted, 2800
	x.change = func(r *results.Trial) {
		switch {
		case r.Trial%97 == 0:
			one := 1
			r.Outcome, r.ExitCode, r.Error = experiment.Failed, &one, "panic: runtime error: index out of range [3]\nexit status 2"
		case r.Function == "prime" && r.Backend == "wazero.interpreter":
			r.Answer = "sha256:other"
		}
	}
	return x
}

type browser struct{ ctx context.Context }

func newBrowser(t *testing.T) browser {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), // no network
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return browser{ctx}
}

// look opens a page in a tab of its own and checks what a reader would see.
func (b browser) look(t *testing.T, file, scheme string, width int64, charts int, shot string) {
	t.Helper()
	tab, closeTab := chromedp.NewContext(b.ctx)
	defer closeTab()
	var mu sync.Mutex
	var complaints, requests []string
	err := chromedp.Listen(tab, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, fmt.Sprintf("%s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			complaints = append(complaints, fmt.Sprintf("console.%s", ev.Type))
		case *log.EventEntryAdded:
			complaints = append(complaints, ev.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			complaints = append(complaints, "a dialog: "+ev.Message)
		case *network.EventRequestWillBeSent:
			requests = append(requests, ev.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	call := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	call(chromedp.Call(ctx, log.Enable, cdp.Empty{}))
	call(chromedp.Call(ctx, network.Enable, network.EnableParams{}))
	call(chromedp.Call(ctx, page.Enable, page.EnableParams{}))
	call(chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
	address := url.URL{Scheme: "file", Path: file}
	call(nil, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(address.String())))
	first, err := chromedp.Run(ctx, chromedp.Evaluate[int](firstChart, chromedp.EvalAwaitPromise))
	call(nil, err)
	if charts > 0 {
		t.Logf("first chart after %d ms", first)
	}
	failed, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](drawAll, chromedp.EvalAwaitPromise))
	call(nil, err)
	overflow, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	call(nil, err)
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[[]int](colours))
	call(nil, err)
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	call(nil, err)
	_, err = chromedp.Run(ctx, chromedp.Evaluate[any](axe(t)+";0"))
	call(nil, err)
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](barriers, chromedp.EvalAwaitPromise))
	call(nil, err)
	for _, x := range found {
		t.Errorf("%s: %s", file, x)
	}
	folded, err := chromedp.Run(ctx, chromedp.Evaluate[[]int](handle))
	call(nil, err)
	if folded[1] != 0 || folded[2] != folded[0] {
		t.Errorf("%s: tables folded before, while and after printing: %v", file, folded)
	}
	if err := os.WriteFile(shot, png, 0o644); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, c := range complaints {
		t.Errorf("%s: the browser complains: %s", file, c)
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, "file://") && !strings.HasPrefix(r, "data:") {
			t.Errorf("%s asks for %s", file, r)
		}
	}
	for _, c := range failed {
		t.Errorf("%s: chart %s", file, c)
	}
	if len(seen) != charts {
		t.Errorf("%s: %d canvases, want %d", file, len(seen), charts)
	}
	for i, n := range seen {
		if n <= 8 {
			t.Errorf("%s: canvas %d has only %d colours", file, i, n)
		}
	}
	if overflow > 0 {
		t.Errorf("%s: the page is %d pixels too wide", file, overflow)
	}
}
