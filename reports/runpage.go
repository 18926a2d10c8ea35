package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// runPage is what the template of a run's page gets.
type runPage struct {
	frame
	S            *Summary
	Facts        []Sentence
	Alerts       []caveatView
	Verdicts     []verdictView
	MoreVerdicts []verdictView
	NoVerdict    string
	Margin       float64
	Caveats      []caveatView
	Chosen       *chosenView
	Legend       []mark
	Functions    []functionView
	Definitions  []fact
	ReadySources string
	Command      string
	Raw          string
	Hash         string
	Order        string
	Variables    []fact
	Source       string
	Host         []fact
	Findings     *table
	Backends     []backendView
	Artifacts    *table
}

type verdictView struct {
	Verdict
	Subject string
	Table   *table
}

// Long tells a sentence that is too long for large letters.
func (v verdictView) Long() bool { return len(v.Sentence.String()) > 200 }

type caveatView struct {
	Caveat
	Title string
}

type chosenView struct {
	Cells int
	Table table
}

type functionView struct {
	Name    string
	Figures []figure
	All     table
}

type figure struct {
	ID, Title, Caption, Alt string
	Wide                    bool
	Data                    template.JS
	Panels                  []string
	Swatches                []swatch
	Absent                  []Sentence
	Table                   table
}

type swatch struct{ Label, Color string }

type backendView struct {
	Name    string
	Missing string
	Facts   []fact
}

// firstVerdicts is about how many verdicts a page shows before it folds the
// rest; every function has its share.
const firstVerdicts = 8

func newRunPage(s *Summary, raw string, hosted bool) (*runPage, error) {
	run := &s.run
	above, below := split(s.Caveats)
	p := &runPage{
		frame: newFrame(s.Experiment+" · "+s.Run, "../../../", hosted),
		S:     s, Facts: runFacts(s), NoVerdict: noVerdict(s), Margin: stats.DefaultMargin * 100,
		Alerts: caveatViews(above), Caveats: caveatViews(below),
		Legend: marks(s.ran()), Definitions: definitions, ReadySources: readySources(s),
		Command: command(run.Command), Raw: raw, Hash: s.plan.Hash,
		Order:  order(&s.plan),
		Source: run.Source, Host: hostFacts(run), Findings: findings(run), Artifacts: artifacts(run), Chosen: chosen(s),
	}
	shown := map[string]int{}
	each := max(1, firstVerdicts/max(1, len(functions(s.ran()))))
	for _, v := range s.Verdicts {
		view := verdictView{Verdict: v, Subject: v.subject(), Table: comparisonTable(v)}
		if shown[v.Function]++; shown[v.Function] <= each {
			p.Verdicts = append(p.Verdicts, view)
		} else {
			p.MoreVerdicts = append(p.MoreVerdicts, view)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(run.Variables)) {
		p.Variables = append(p.Variables, fact{"variable " + k, run.Variables[k]})
	}
	for _, name := range slices.Sorted(maps.Keys(run.Backends)) {
		p.Backends = append(p.Backends, backendFacts(name, run.Backends[name]))
	}
	for i, f := range functions(s.ran()) {
		view, err := newFunctionView(fmt.Sprintf("f%d", i+1), f, byInput(s.ran(), f), p.Legend, s)
		if err != nil {
			return nil, err
		}
		p.Functions = append(p.Functions, view)
	}
	return p, nil
}

func caveatViews(cs []Caveat) (out []caveatView) {
	titles := map[Level]string{Missing: "Missing.", Wrong: "Wrong answers.", Warning: "Warning.", Note: "Note."}
	for _, c := range cs {
		out = append(out, caveatView{c, titles[c.Level]})
	}
	return out
}

// noVerdict stands where nothing can be compared.
func noVerdict(s *Summary) string {
	switch {
	case len(s.Verdicts) > 0:
		return ""
	case len(s.plan.Cells) == 0:
		return "No cell could run, so there is nothing to compare."
	case !slices.ContainsFunc(s.Cells, func(c Cell) bool { return c.N > 0 }):
		return "No trial counts, so there is nothing to compare."
	}
	return "There is nothing to compare: each function ran on one backend from one start."
}

func runFacts(s *Summary) (out []Sentence) {
	add := func(say func(*Sentence)) {
		var x Sentence
		say(&x)
		out = append(out, x)
	}
	add(func(x *Sentence) { x.say("%s", when(s.Started)) })
	if s.Ended != nil {
		add(func(x *Sentence) { x.say("took %s", lasting(s.Ended.Sub(s.Started))) })
	}
	add(func(x *Sentence) { x.say("%s", stateWords(s)) })
	add(func(x *Sentence) {
		x.say("%d of %s", s.Trials.Ended, plural(s.Trials.Planned, "trial"))
		if s.Trials.Bad > 0 {
			x.say(", %d not ok", s.Trials.Bad)
		}
	})
	add(func(x *Sentence) { x.say("%s", plural(len(s.plan.Cells), "cell")) })
	if s.run.Host.CPU != "" {
		add(func(x *Sentence) { x.name(s.run.Host.CPU) })
	}
	add(func(x *Sentence) { x.say("run ").name(s.Run) })
	return out
}

func order(p *experiment.Plan) string {
	text := fmt.Sprintf("%s, seed %d, %s and %s of each cell", p.Order, p.Seed,
		plural(p.Warmup, "warm-up"), plural(p.Repetitions, "trial"))
	if u := p.Until; u != nil {
		text += fmt.Sprintf(" at most; at least %d, and no more once the median's interval was within ±%s for %s",
			u.Min, percent(u.RelativeError), strings.Join(u.Metrics, " and "))
		if u.MaxTime > 0 {
			text += fmt.Sprintf(", or after %s", u.MaxTime)
		}
	}
	if p.PauseNS > 0 {
		text += fmt.Sprintf("; %s of rest before each", time.Duration(p.PauseNS))
	}
	return text
}

func stateWords(s *Summary) string {
	if s.State == results.Running {
		return "still running, or killed"
	}
	return string(s.State)
}

func newFunctionView(id, name string, cs []Cell, ms []mark, s *Summary) (functionView, error) {
	v := functionView{Name: name, All: cellTable(cs)}
	add := func(f figure, c *chart) error {
		f.ID = fmt.Sprintf("%s-%d", id, len(v.Figures)+1)
		f.Alt = f.Title + " of " + name + ". " + f.Caption + " The table below holds the same numbers."
		if c != nil {
			var err error
			if f.Data, err = c.data(); err != nil {
				return err
			}
		}
		v.Figures = append(v.Figures, f)
		return nil
	}
	for _, m := range []string{"startup", "runtime", "total"} {
		c, absent := dots(m, cs, ms)
		f := figure{Title: title(m), Caption: captions[m], Absent: absent, Table: metricTable(m, cs)}
		if err := add(f, c); err != nil {
			return v, err
		}
	}
	if bars := phaseBars(cs, ms); bars != nil {
		f := figure{Title: "Phases", Caption: captions["phases"], Table: phaseTable(cs)}
		for _, ph := range experiment.Phases {
			if slices.ContainsFunc(cs, func(c Cell) bool { return c.phase(ph.Name) != nil }) {
				f.Swatches = append(f.Swatches, swatch{ph.Name, fmt.Sprintf("var(--phase%d)", phaseIndex(ph.Name))})
			}
		}
		if len(bars.Panels) > 1 {
			for _, p := range bars.Panels {
				f.Panels = append(f.Panels, p.Label)
			}
		}
		if err := add(f, bars); err != nil {
			return v, err
		}
	}
	if c := inOrder(cs, ms, s.Trials.Planned); c != nil {
		f := figure{Title: "Startup in the order of the run", Caption: captions["order"], Wide: true, Table: orderTable(cs)}
		if s.every > 1 {
			f.Caption += fmt.Sprintf(" The chart shows every %dth block, the table counts all.", s.every)
		}
		if err := add(f, c); err != nil {
			return v, err
		}
	}
	return v, nil
}

// byInput gives a function's cells with those of an input together, because
// they are what a reader compares.
func byInput(all []Cell, function string) (out []Cell) {
	var inputs []string
	for _, c := range all {
		if c.Function == function && !slices.Contains(inputs, c.Input) {
			inputs = append(inputs, c.Input)
		}
	}
	for _, in := range inputs {
		for _, c := range all {
			if c.Function == function && c.Input == in {
				out = append(out, c)
			}
		}
	}
	return out
}

func title(metric string) string { return strings.ToUpper(metric[:1]) + metric[1:] }

var captions = map[string]string{
	"startup": "From the request until the function's own first instruction. Logarithmic.",
	"runtime": "From the function's first instruction until it has its answer; receiving the request is part of it. Logarithmic.",
	"total":   "From the request until the last byte of the answer arrived. Logarithmic.",
	"phases":  "Where the time of a trial goes: the median of each phase. Medians do not quite add up to the median of the whole.",
	"order":   "Every trial that counts. A machine that changes during the run shows as a slope or a step. Logarithmic.",
}

var definitions = []fact{
	{"startup", "from the request until ready, the function's own first instruction. It holds what the start leaves to be done: compiling or creating a container (cold), loading compiled code (cached), making an instance or starting a created container (prepared)."},
	{"runtime", "from ready until the function says that it is done, or until the last byte of its answer where it says nothing. It holds receiving the request, which a container gets through the engine's stream: up to some milliseconds, and most of the runtime of a function that does nothing."},
	{"total", "from the request until the last byte of the answer: what a caller waits for."},
	{"teardown", "from the answer until the module is closed or the container removed. No caller waits for it; counted as runtime, it makes containers look slow."},
	{"cold", "nothing is ready but the files: compile and instantiate, or create and start a container whose image is there."},
	{"cached", "compiled code is loaded from disk. Containers have nothing like it."},
	{"prepared", "the compiled module is in memory, or the container is created: instantiate or start only."},
	{"warm", "a live instance or container answers."},
	{"phases", "create, launch, init (together the startup), execute, respond, exit, remove. Where an event was not seen, two phases are one, under the earlier name."},
	{"CPU time, peak memory", "medians, of trials that ended well. A module's are those of its thread and of its linear memory, compiling included where the start compiles. A container's are those of its control group: with the first steps of its runtime, and the files that were read for it. The two are not of the same things."},
	{"median, interval", "the middle of the trials that ended well, and an interval that holds the true median in at least 95 of 100 cases, whatever the distribution. Fewer than 6 trials give none. No sample is left out for being far off."},
}

func readySources(s *Summary) string {
	words := []fact{
		{"stamp", "by the function's own clock"}, {"marker", "by the arrival of the function's marker"},
		{"started", "by the backend's word that it had started, for want of a marker"},
	}
	count, n := map[string]int{}, 0
	for _, c := range s.Cells {
		for source, k := range c.ReadySources {
			count[source] += k
			n += k
		}
	}
	var parts []string
	for _, w := range words {
		if count[w.Key] > 0 {
			parts = append(parts, fmt.Sprintf("in %d %s", count[w.Key], w.Value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of the %d trials that count, ready was told %s.", n, strings.Join(parts, ", "))
}

func cellTable(cs []Cell) table {
	stops := slices.ContainsFunc(cs, func(c Cell) bool { return c.Stop != nil })
	t := table{Head: append(left("input", "backend", "start"), append(right(shownMetrics...), right("n", "not ok")...)...)}
	used := slices.ContainsFunc(cs, func(c Cell) bool { return c.CPUNS > 0 || c.PeakMemory > 0 })
	if used {
		t.Head = append(t.Head, right("CPU time", "peak memory")...)
	}
	if stops {
		t.Head = append(t.Head, right("stopped")...)
	}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		for _, name := range shownMetrics {
			row = append(row, metricCell(c, name))
		}
		b := bad(c)
		row = append(row, td{Text: fmt.Sprint(c.N), Right: true}, td{Text: b, Right: true, Bad: b != "–"})
		if used {
			cpu, memory := "–", "–"
			if c.CPUNS > 0 {
				cpu = duration(c.CPUNS)
			}
			if c.PeakMemory > 0 {
				memory = size(uint64(c.PeakMemory))
			}
			row = append(row, td{Text: cpu, Right: true}, td{Text: memory, Right: true})
		}
		if stops {
			row = append(row, td{Text: stopWords(c.Stop), Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func metricCell(c Cell, name string) td {
	m, ok := c.Metrics[name]
	if !ok {
		return td{Text: "–", Right: true}
	}
	return td{Text: duration(m.MedianNS), Below: bounds(m), Right: true}
}

func metricTable(name string, cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"), right("median", "95 % interval", "n")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		m, ok := c.Metrics[name]
		median, interval := "–", "–"
		if ok {
			median, interval = duration(m.MedianNS), bounds(m)
		}
		t.Rows = append(t.Rows, append(row, td{Text: median, Right: true}, td{Text: interval, Right: true}, td{Text: fmt.Sprint(m.N), Right: true}))
	}
	return t
}

func phaseTable(cs []Cell) table {
	t := table{Head: left("input", "backend", "start")}
	for _, p := range experiment.Phases {
		t.Head = append(t.Head, column{p.Name, true})
	}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		for _, p := range experiment.Phases {
			ph := c.phase(p.Name)
			x := td{Text: "–", Right: true}
			if ph != nil {
				x.Text = duration(ph.MedianNS)
				if ph.N != c.N {
					x.Below = fmt.Sprintf("in %d of %d", ph.N, c.N)
				}
			}
			row = append(row, x)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func orderTable(cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"),
		right("first half, median", "second half, median", "least", "quartiles", "most", "n")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		m, ok := c.Metrics["startup"]
		texts := []string{"–", "–", "–", "–", "–", "0"}
		if ok {
			texts = []string{
				"–", duration(round(c.drift[1])), duration(m.MinNS),
				duration(m.Q1NS) + " to " + duration(m.Q3NS), duration(m.MaxNS), fmt.Sprint(m.N),
			}
			if m.N > 1 {
				texts[0] = duration(round(c.drift[0]))
			}
		}
		for _, x := range texts {
			row = append(row, td{Text: x, Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func comparisonTable(v Verdict) *table {
	if len(v.Comparisons) < 2 {
		return nil
	}
	a, b := v.Comparisons[0].First, v.Comparisons[0].Other
	t := &table{Head: append(left("input"), right(
		a.Backend+" "+string(a.Start), b.Backend+" "+string(b.Start), "ratio", "95 % interval", "verdict")...)}
	for _, c := range v.Comparisons {
		ratio, interval, verdict := "–", "none", string(c.State)
		if c.Ratio != nil {
			ratio = number(*c.Ratio, ratioDecimals(*c.Ratio))
		}
		if c.Low != nil {
			interval = bracket(*c.Low, *c.High)
		}
		if c.Need > 0 {
			verdict += fmt.Sprintf(", about %d trials needed", c.Need)
		}
		row := cells(c.Input)
		for _, x := range []string{duration(c.First.MedianNS), duration(c.Other.MedianNS), ratio, interval, verdict} {
			row = append(row, td{Text: x, Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func chosen(s *Summary) *chosenView {
	v := &chosenView{Table: table{Head: left("function", "backend", "start", "cells", "reason")}}
	for _, l := range s.LeftOut {
		if l.Chosen {
			v.Cells += l.Cells
			v.Table.Rows = append(v.Table.Rows, cells(l.Function, l.Backend, string(l.Start), fmt.Sprint(l.Cells), l.Reason))
		}
	}
	if v.Cells == 0 {
		return nil
	}
	return v
}

func hostFacts(run *results.Run) []fact {
	h := run.Host
	commit := h.Commit
	if h.Dirty {
		commit += ", with changes that were not committed"
	}
	governor := h.Governor
	if governor == "" {
		governor = "unknown"
	}
	hypervisor := h.Hypervisor
	if hypervisor == "" {
		hypervisor = "none found"
	}
	out := facts("host", h.Name, "system", h.OS, "kernel", h.Kernel, "processor", h.CPU,
		"cores", fmt.Sprint(h.Cores), "memory", size(h.Memory), "governor", governor, "hypervisor", hypervisor,
		"Nebula", run.Nebula, "built with", h.Go, "experiment's commit", commit)
	for _, k := range slices.Sorted(maps.Keys(h.Facts)) {
		out = append(out, fact{k, h.Facts[k]})
	}
	return out
}

// findings is what was looked at on the machine, in the run's last session.
func findings(run *results.Run) *table {
	t := &table{Head: left("check", "severity", "found", "why it matters")}
	for _, s := range run.Sessions[max(0, len(run.Sessions)-1):] {
		for _, fs := range [][]experiment.Finding{s.Before, s.During} {
			for _, f := range fs {
				row := cells(f.Check, string(f.Severity), f.Found, f.Why)
				row[1].Bad = f.Severity == experiment.Disturbing
				t.Rows = append(t.Rows, row)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func backendFacts(name string, b results.BackendFacts) backendView {
	v := backendView{Name: name, Missing: b.Missing}
	for _, k := range slices.Sorted(maps.Keys(b.Engine)) {
		v.Facts = append(v.Facts, fact{k, b.Engine[k]})
	}
	// Options are the backend type's own; as stored they are any JSON.
	if o, err := json.Marshal(b.Options); err == nil && b.Options != nil {
		v.Facts = append(v.Facts, fact{"settings", string(o)})
	}
	return v
}

func artifacts(run *results.Run) *table {
	t := &table{Head: append(left("function", "backend", "kind"), append(right("size", "compressed"), left("digest", "made with")...)...)}
	for _, b := range slices.Sorted(maps.Keys(run.Artifacts)) {
		for _, f := range slices.Sorted(maps.Keys(run.Artifacts[b])) {
			a := run.Artifacts[b][f]
			row := cells(f, b, a.Kind)
			compressed := "–"
			if a.Compressed > 0 {
				compressed = size(uint64(a.Compressed))
			}
			row = append(row, td{Text: size(uint64(max(a.Size, 0))), Right: true}, td{Text: compressed, Right: true})
			t.Rows = append(t.Rows, append(row, cells(a.Digest, a.Toolchain)...))
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}
