package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/words"
)

// energySection is the part of a run's page that is about energy.
type energySection struct {
	Words     []Sentence
	Functions []energyOf
}

type energyOf struct {
	At      int // the function's place among those of the run
	Name    string
	Table   table
	Figures []figure
}

// hasEnergy reports whether any cell has a number.
func hasEnergy(s *Summary) bool {
	return slices.ContainsFunc(s.ran(), func(c Cell) bool { return c.Energy != nil && c.Energy.Status != stats.Unavailable })
}

// newEnergySection gives nil where there is no number: the caveats say why.
func newEnergySection(s *Summary, ms []mark) (*energySection, error) {
	if !hasEnergy(s) {
		return nil, nil
	}
	out := &energySection{Words: energyWords(s)}
	for i, name := range functions(s.ran()) {
		cs := byInput(s.ran(), name)
		f := energyOf{At: i, Name: name, Table: energyTable(cs)}
		add := func(x figure, c *chart) error {
			x.ID, x.Function, x.At = fmt.Sprintf("e%d-%d", i+1, len(f.Figures)+1), name, i
			err := x.draw(c)
			f.Figures = append(f.Figures, x)
			return err
		}
		z := sizesOf(&s.run, name)
		for _, q := range []quantity{net, gross} {
			c, absent := q.dots(cs, ms)
			if err := add(figure{Title: q.title + " per invocation", Caption: q.caption, Absent: absent, Table: q.table(cs)}, c); err != nil {
				return nil, err
			}
			if z == nil {
				continue
			}
			if c := q.sizes(z, cs, ms); c != nil {
				if err := add(figure{Title: q.title + " against the size of the input", Caption: sizeCaption(z), Table: q.table(cs)}, c); err != nil {
					return nil, err
				}
			}
		}
		out.Functions = append(out.Functions, f)
	}
	return out, nil
}

// quantity is one of the two energies of an invocation.
type quantity struct {
	title, caption string
	value          func(*CellEnergy) (joules, u *float64)
}

var (
	net = quantity{"Net energy", "Beyond what the idle machine takes, with an interval of twice the uncertainty. Logarithmic.",
		func(e *CellEnergy) (*float64, *float64) { return e.NetJ, e.UJ }}
	gross = quantity{"Gross energy", "With what the idle machine takes meanwhile, with an interval of twice the uncertainty. Logarithmic.",
		func(e *CellEnergy) (*float64, *float64) { return e.GrossJ, e.GrossUJ }}
)

// of gives a cell's value with its interval; false where it has none.
func (q quantity) of(c Cell) (v, low, high float64, ok bool) {
	if c.Energy == nil {
		return 0, 0, 0, false
	}
	j, u := q.value(c.Energy)
	if j == nil || u == nil {
		return 0, 0, 0, false
	}
	return *j, *j - 2**u, *j + 2**u, true
}

// decades is as reach.decades, for joules.
func (q quantity) decades(cells []Cell) (low, high float64, ok bool) {
	low = math.Inf(1)
	for _, c := range cells {
		if v, from, to, has := q.of(c); has {
			if from <= 0 {
				from = v
			}
			low, high, ok = min(low, from), max(high, to), true
		}
	}
	if !ok {
		return 0, 0, false
	}
	return math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Floor(math.Log10(high))+1), true
}

func energyLabel() *opts.AxisLabel {
	return &opts.AxisLabel{Formatter: types.FuncStr("nebula:joules"), HideOverlap: opts.Bool(true)}
}

// dots shows the energy of each cell on a log axis, as dots does metrics.
func (q quantity) dots(cells []Cell, ms []mark) (c *chart, absent []Sentence) {
	for _, cell := range cells {
		if _, _, _, ok := q.of(cell); ok {
			continue
		}
		var s Sentence
		s.name(cell.Input, cell.Backend).say(" %s: %s", cell.Start, cell.Energy.net())
		absent = append(absent, s)
	}
	low, high, ok := q.decades(cells)
	if !ok {
		return nil, absent
	}
	inputs, used := inputsIn(cells), marksIn(ms, cells)
	c = &chart{Axis: "series"}
	encode := &opts.Encode{X: 2, Y: 0}
	x := charts.NewCustom()
	if len(inputs) > 1 {
		c.Axis, encode = "inputs", &opts.Encode{X: 0, Y: 2}
		x.SetXAxis(inputs)
		x.SetGlobalOptions(options(charts.WithXAxisOpts(opts.XAxis{Type: "category"}),
			charts.WithYAxisOpts(opts.YAxis{Type: "log", Min: low, Max: high, AxisLabel: energyLabel()}))...)
	} else {
		var labels []string
		for _, i := range used {
			labels = append(labels, ms[i].Label)
		}
		x.SetGlobalOptions(options(charts.WithXAxisOpts(opts.XAxis{Type: "log", Min: low, Max: high, AxisLabel: energyLabel()}), rowsY(labels))...)
	}
	x.SetGlobalOptions(tooltip("energy"))
	for _, i := range used {
		var data []opts.CustomData
		for _, cell := range cells {
			v, from, to, ok := q.of(cell)
			if markOf(ms, cell.Backend, cell.Start) != i || !ok {
				continue
			}
			data = append(data, dot(cell.Input, slices.Index(inputs, cell.Input), v, max(from, low), to, cell.Energy.Invocations))
		}
		c.Series = append(c.Series, []int{i})
		x.AddSeries(ms[i].Label, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.RenderItem, s.Encode = types.FuncStr("nebula:dot"), encode
		}))
	}
	x.Validate()
	c.Option = x.JSON()
	return c, absent
}

// sizes shows energy against the size of the input.
func (q quantity) sizes(z *sizes, cells []Cell, ms []mark) *chart {
	bottom, top, ok := q.decades(cells)
	if !ok {
		return nil
	}
	c := &chart{Fill: "sizes", Curves: &curves{Name: z.label(), Crosses: []crossMark{}}}
	low, high := math.Inf(1), math.Inf(-1)
	for _, i := range marksIn(ms, cells) {
		k := curve{Mark: i}
		for _, cell := range cells {
			size, sized := z.of[cell.Input]
			v, from, to, ok := q.of(cell)
			if !ok || !sized || cell.Backend != ms[i].Backend || string(cell.Start) != ms[i].Start {
				continue
			}
			k.Points = append(k.Points, []any{size, v, max(from, bottom), to, cell.Energy.Invocations, cell.Input})
			low, high = min(low, size), max(high, size)
		}
		slices.SortFunc(k.Points, func(a, b []any) int { return int(math.Copysign(1, a[0].(float64)-b[0].(float64))) })
		if len(k.Points) > 0 {
			c.Curves.Lines = append(c.Curves.Lines, k)
		}
	}
	if low >= high {
		return nil
	}
	x := charts.NewLine()
	axis := opts.XAxis{Type: "value", Min: low, Max: high, Name: z.label(), NameLocation: "middle", NameGap: 24}
	axis.AxisLabel = &opts.AxisLabel{Formatter: types.FuncStr("nebula:plain"), HideOverlap: opts.Bool(true)}
	if z.wide() {
		axis.Type = "log"
	}
	x.SetGlobalOptions(options(charts.WithXAxisOpts(axis),
		charts.WithYAxisOpts(opts.YAxis{Type: "log", Min: bottom, Max: top, AxisLabel: energyLabel()}), tooltip("energysize"))...)
	x.Validate()
	c.Option = x.JSON()
	return c
}

// energyWords say how the energies came about.
func energyWords(s *Summary) (out []Sentence) {
	add := func(format string, args ...any) {
		var t Sentence
		out = append(out, *t.say(format, args...))
	}
	facts, plan := s.run.Energy, s.plan.Energy
	if facts.Source != "" {
		var t Sentence
		t.say("From ").name(facts.Source)
		if facts.Simulated {
			t.say(" (simulated)")
		}
		var in, beside []string
		for _, d := range facts.Domains {
			if d.InTotal {
				in = append(in, d.Name)
			} else {
				beside = append(beside, d.Name)
			}
		}
		t.say(": the total is ").names(in)
		if len(beside) > 0 {
			t.say("; beside it, and in no sum, ").names(beside)
		}
		out = append(out, *t.say("."))
	}
	add("Each number is of one invocation, from %d windows of many, back to back. A warm start is measured by warm requests; any other by whole cycles, from the start to the removal. ± is twice the standard uncertainty. The whole machine is measured: the engine's and Nebula's own part is in it.", plan.Windows)
	if plan.CarbonIntensity > 0 {
		add("SCI (ISO/IEC 21031) is per invocation, the functional unit: the gross energy times %g g of CO₂ equivalent per kWh, as the experiment gives it. What making the machine took (M) was not given, and is not in it.", plan.CarbonIntensity)
	}
	return out
}

func energyTable(cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"), right("net", "gross", "power", "idle", "invocations", "window", "Nebula's CPU")...)}
	has := func(is func(*CellEnergy) bool) bool {
		return slices.ContainsFunc(cs, func(c Cell) bool { return c.Energy != nil && is(c.Energy) })
	}
	carbon := has(func(e *CellEnergy) bool { return e.SCIG != nil })
	var domains []string
	for _, c := range cs {
		if c.Energy == nil {
			continue
		}
		for _, d := range c.Energy.Domains {
			if !slices.Contains(domains, d.Name) {
				domains = append(domains, d.Name)
			}
		}
	}
	if carbon {
		t.Head = append(t.Head, right("SCI")...)
	}
	for _, d := range domains {
		t.Head = append(t.Head, right(d+", net")...)
	}
	for _, c := range cs {
		e := c.Energy
		if e == nil {
			e = &CellEnergy{Status: stats.Unavailable}
		}
		row := cells(c.Input, c.Backend, string(c.Start))
		put := func(text string) { row = append(row, td{Text: text, Right: true}) }
		row = append(row, td{Text: e.net(), Below: words.Ends(e.Reason, 200), Right: true})
		put(e.gross())
		put(e.watts(e.Watts))
		put(e.watts(e.IdleWatts))
		if e.Invocations > 0 {
			put(fmt.Sprint(e.Invocations))
		} else {
			put("–")
		}
		if e.WindowS != nil {
			put(duration(int64(*e.WindowS * 1e9)))
		} else {
			put("–")
		}
		if e.HarnessShare != nil {
			put(percent(*e.HarnessShare))
		} else {
			put("–")
		}
		if carbon {
			if e.SCIG != nil {
				put(grams(*e.SCIG) + e.mark())
			} else {
				put("–")
			}
		}
		for _, name := range domains {
			put(e.domain(name))
		}
		t.add(c, row)
	}
	return t
}

// table is the twin of the quantity's charts.
func (q quantity) table(cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"), right(strings.ToLower(q.title), "from", "to", "invocations")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		v, low, high, ok := q.of(c)
		texts := []string{c.Energy.net(), "–", "–", "–"}
		if ok {
			mark := c.Energy.mark()
			texts = []string{joules(v, nil) + mark, joules(max(low, 0), nil) + mark, joules(high, nil) + mark, fmt.Sprint(c.Energy.Invocations)}
			if low <= 0 {
				texts[1] = "–"
			}
		}
		for _, x := range texts {
			row = append(row, td{Text: x, Right: true})
		}
		t.add(c, row)
	}
	return t
}

func (e *CellEnergy) watts(w *float64) string {
	if w == nil {
		return "–"
	}
	return number(*w, 2) + "\u00a0W" + e.mark()
}

func (e *CellEnergy) domain(name string) string {
	for _, d := range e.Domains {
		if d.Name == name {
			x := CellEnergy{Status: d.Status, NetJ: d.NetJ, UJ: d.UJ, BelowJ: d.BelowJ, Source: e.Source, Simulated: e.Simulated}
			return x.net()
		}
	}
	return "–"
}

// grams shows a mass of carbon.
func grams(g float64) string {
	for _, u := range []struct {
		name  string
		grams float64
	}{{"ng", 1e-9}, {"µg", 1e-6}, {"mg", 1e-3}} {
		if g < 999.95*u.grams {
			return fmt.Sprintf("%.3g\u00a0%s", g/u.grams, u.name)
		}
	}
	return fmt.Sprintf("%.3g\u00a0g", g)
}

// textEnergy writes the energies for a terminal; nothing where there is none.
func textEnergy(b *strings.Builder, s *Summary) error {
	if !hasEnergy(s) {
		return nil
	}
	b.WriteByte('\n')
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FUNCTION\tINPUT\tBACKEND\tSTART\tNET ENERGY\tGROSS ENERGY\tINVOCATIONS")
	for _, f := range functions(s.ran()) {
		for _, c := range byInput(s.ran(), f) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(c.Function), printable(c.Input), printable(c.Backend), c.Start, c.Energy.net(), c.Energy.gross(), c.Energy.counted())
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(b, energyBasis(s))
	return nil
}

// energyBasis says what a table's energies are.
func energyBasis(s *Summary) string {
	simulated := ""
	if s.run.Energy.Simulated {
		simulated = ", simulated"
	}
	return "Energy of one invocation" + simulated + ", ± twice its standard uncertainty."
}
