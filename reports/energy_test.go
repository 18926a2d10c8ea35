package reports

import (
	"bytes"
	"encoding/json"
	"html"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// watts makes windows of a machine that takes idle watts, and work more while
// it serves n invocations; each in seconds of its own.
type watts struct {
	idle, work    float64
	n             int
	cpu, others   time.Duration // of a window, beyond idle
	noise         float64       // W, with a changing sign
	domain        bool          // a counter of memory beside the total
	source        string
	simulated     bool
	invalid       string
	windows       int
	noCPU, broken bool
}

func (m watts) record(plan *experiment.Plan, add func(*results.EnergyWindow)) {
	at := map[int]int{}
	for w := range plan.EnergyWindows() {
		if at[w.Cell]++; at[w.Cell] > m.windows {
			continue
		}
		sign := float64(at[w.Cell]%2*2 - 1)
		span := func(p float64, cpu, others time.Duration) *results.EnergySpan {
			s := &results.EnergySpan{From: began, NS: 200_000_000}
			ns := func(d time.Duration) *int64 { v := d.Nanoseconds(); return &v }
			if !m.noCPU {
				s.CPU = results.EnergyCPU{Harness: ns(time.Millisecond), Machine: ns(cpu + others), Others: ns(others)}
			}
			if m.source != "" {
				j := 0.2 * p
				s.Total = &results.EnergyAmount{Joules: j, U: 2e-5, Seconds: 0.2, SecondsU: 1e-5}
				s.Domains = []results.EnergyDomain{{Name: "package-0", InTotal: true, First: 1, Last: 2, EnergyAmount: s.Total}}
				if m.domain {
					d := *s.Total
					d.Joules /= 10
					s.Domains = append(s.Domains, results.EnergyDomain{Name: "dram-0", First: 1, Last: 2, EnergyAmount: &d})
				}
			}
			return s
		}
		e := &results.EnergyWindow{
			Window: w.Window, Block: w.Block, Attempt: 1, Cell: plan.Cells[w.Cell], Invocations: m.n,
			Source: m.source, Simulated: m.simulated, Invalid: m.invalid,
			Before: span(m.idle, 0, 0), Work: span(m.idle+m.work+sign*m.noise, m.cpu, m.others), After: span(m.idle, 0, 0),
		}
		if m.broken {
			e.Before, e.Work, e.After = nil, nil, nil
		}
		add(e)
	}
}

func asked() experiment.Energy {
	e := experiment.DefaultEnergy()
	e.Asked = true
	return e
}

func withEnergy(e experiment.Energy, facts *results.EnergyFacts, m watts) fixture {
	x := coldstart()
	x.inputs, x.repeat, x.energy = []string{"n=0", "n=10", "n=20"}, 6, e
	x.run = func(r *results.Run) {
		r.Energy = facts
		r.Resolved = json.RawMessage(`{"Functions":[{"Name":"fibonacci","Inputs":[{"Name":"n=0","Stdin":"0"},{"Name":"n=10","Stdin":"10"},{"Name":"n=20","Stdin":"20"}]}]}`)
	}
	if m.windows > 0 {
		x.windows = m.record
	}
	return x
}

var (
	powercap  = &results.EnergyFacts{Source: "powercap", Processors: 2, Domains: []results.DomainFact{{Name: "package-0", InTotal: true}, {Name: "dram-0"}}}
	simulated = &results.EnergyFacts{Source: "powercap", Simulated: true, Processors: 2, Domains: []results.DomainFact{{Name: "package-0", InTotal: true}}}
	closed    = &results.EnergyFacts{Processors: 2, Doors: []results.Door{
		{Name: "powercap (/sys/class/powercap)", Why: "its counters may be read by root only", Remedy: "run as root"}, {Name: "hwmon", Why: "there is no sensor"}}}
)

// energyCases are all that can become of an energy.
func energyCases() map[string]struct {
	fixture  fixture
	status   stats.EnergyStatus
	says     []string // on every page and in every text
	contains []string // on the page
} {
	estimate, carbon := asked(), asked()
	estimate.Estimate = &experiment.Estimate{Model: experiment.CPUTime, WattsIdle: 20, WattsFull: 60}
	carbon.CarbonIntensity = 250
	type c = struct {
		fixture  fixture
		status   stats.EnergyStatus
		says     []string
		contains []string
	}
	good := watts{idle: 10, work: 5, n: 1000, cpu: 200 * time.Millisecond, noise: 0.01, domain: true, source: "powercap", windows: 5}
	with := func(change func(*watts)) watts {
		m := good
		change(&m)
		return m
	}
	return map[string]c{
		"measured": {withEnergy(carbon, powercap, good), stats.Measured, []string{"1.000 ± 0.0"}, []string{"ISO/IEC 21031", "dram-0, net", "250 g of CO₂"}},
		"simulated": {withEnergy(asked(), simulated, with(func(m *watts) { m.simulated = true })), stats.Measured,
			[]string{"Every energy here is simulated", "mJ (simulated)"}, nil},
		"attributed": {withEnergy(asked(), powercap, with(func(m *watts) { m.cpu, m.others = 150*time.Millisecond, 50*time.Millisecond })), stats.Attributed,
			[]string{"attributed to them by CPU time, up to 25 %", "mJ (attributed)"}, nil},
		"estimated": {withEnergy(estimate, closed, with(func(m *watts) { m.source = "" })), stats.Estimated,
			[]string{"Every energy here is estimated", "mJ (estimated)", "What opens it: run as root"}, nil},
		"below resolution": {withEnergy(asked(), powercap, with(func(m *watts) { m.work = 0.001; m.cpu = 0 })), stats.BelowResolution,
			[]string{"can't be told from nothing", "below resolution (< "}, nil},
		"less than idle":       {withEnergy(asked(), powercap, with(func(m *watts) { m.work = -2; m.noise = 0 })), stats.BelowResolution, []string{"below resolution (< "}, nil},
		"estimated, idle":      {withEnergy(estimate, closed, with(func(m *watts) { m.source, m.cpu = "", 0 })), stats.BelowResolution, []string{"below resolution (< ", "(estimated)"}, nil},
		"estimate without CPU": {withEnergy(estimate, closed, with(func(m *watts) { m.source, m.noCPU = "", true })), stats.Unavailable, []string{"Every energy here is estimated"}, nil},
		"no door":              {withEnergy(asked(), closed, watts{}), stats.Unavailable, []string{"Energy is unavailable", "root only", "What opens it: run as root"}, nil},
		"no door, not asked":   {withEnergy(experiment.DefaultEnergy(), closed, watts{}), stats.Unavailable, []string{"Energy is unavailable", "root only"}, nil},
		"never valid":          {withEnergy(asked(), powercap, with(func(m *watts) { m.invalid = "the machine was suspended for 3s" })), stats.Unavailable, []string{"suspended for 3s", "No energy of"}, nil},
		"never began":          {withEnergy(asked(), powercap, with(func(m *watts) { m.invalid, m.broken = "after 0 of 1 invocations: the engine is away", true })), stats.Unavailable, []string{"the engine is away"}, nil},
		"two windows":          {withEnergy(asked(), powercap, with(func(m *watts) { m.windows = 2 })), stats.Unavailable, []string{"2 windows have been measured of the 3"}, nil},
		"no window":            {withEnergy(asked(), powercap, watts{}), stats.Unavailable, []string{"0 windows have been measured"}, nil},
		"before its time":      {withEnergy(asked(), nil, watts{}), stats.Unavailable, nil, nil},
		"tiny":                 {withEnergy(asked(), powercap, with(func(m *watts) { m.n = 2_000_000_000 })), stats.Measured, []string{"nJ"}, nil},
	}
}

// TestEnergyPaths takes all that can become of an energy to every place where
// it is printed: nothing that was not measured may read as 0 J or below.
func TestEnergyPaths(t *testing.T) {
	zero := regexp.MustCompile(`(?:^|[^0-9.,])[-−]?0(?:\.0+)?(?: ±[^a-zµ]*)?[\s\x{a0}](?:J|mJ|µJ|nJ|kJ|W)\b`)
	negative := regexp.MustCompile(`[-−][0-9.]+(?: ±[^a-zµ]*)?[\s\x{a0}](?:J|mJ|µJ|nJ|kJ|W)\b`)
	field := regexp.MustCompile(`"(?:[a-z_]*_j|joules|watts|[a-z]*_watts|sci_g)": ?(?:-|0[,\n}]|0\.0*[,\n}])`)
	nan := regexp.MustCompile(`NaN|Inf\b`)
	for name, tt := range energyCases() {
		t.Run(name, func(t *testing.T) {
			f := tt.fixture.write(t, t.TempDir())
			s, err := Summarise(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range s.ran() {
				if c.Energy == nil || c.Energy.Status != tt.status {
					t.Fatalf("%s: %+v", c.Cell, c.Energy)
				}
				if c.Energy.Status == stats.Unavailable && (c.Energy.Reason == "" || c.Energy.GrossJ != nil || c.Energy.NetJ != nil) {
					t.Errorf("%s: %+v", c.Cell, c.Energy)
				}
			}
			page := html.UnescapeString(strings.NewReplacer(css, "", script, "").Replace(runHTML(t, f, false)))
			outputs := map[string]string{"page": page}
			write := func(name string, write func(*bytes.Buffer) error) {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				outputs[name] = b.String()
			}
			write("text", func(b *bytes.Buffer) error { return WriteText(b, s) })
			write("json", func(b *bytes.Buffer) error {
				e := json.NewEncoder(b)
				e.SetIndent("", " ")
				return e.Encode(s)
			})
			write("markdown", func(b *bytes.Buffer) error { return WriteMarkdown(b, s) })
			write("openmetrics", func(b *bytes.Buffer) error { return WriteOpenMetrics(b, s) })
			write("windows.csv", func(b *bytes.Buffer) error { return f.EnergyTable().WriteCSV(b) })
			write("windows.json", func(b *bytes.Buffer) error { return f.EnergyTable().WriteJSON(b) })
			outputs["markdown"] = html.UnescapeString(strings.NewReplacer("**", "", "`", "").Replace(outputs["markdown"]))
			for where, text := range outputs {
				for _, bad := range []*regexp.Regexp{zero, negative, field, nan} {
					if found := bad.FindString(text); found != "" {
						t.Errorf("%s holds %q", where, found)
					}
				}
			}
			for _, want := range tt.says {
				for _, where := range []string{"page", "text", "markdown"} {
					if !strings.Contains(outputs[where], want) {
						t.Errorf("%s does not say %q", where, want)
					}
				}
			}
			for _, want := range tt.contains {
				if !strings.Contains(outputs["page"], want) {
					t.Errorf("the page does not say %q", want)
				}
			}
		})
	}
}

// The mark of what is no measurement stands beside every number.
func TestEnergyMarks(t *testing.T) {
	number := regexp.MustCompile(`[0-9][\s\x{a0}](?:mJ|µJ|nJ|J|W)\b[^<\n\t]*`)
	for _, name := range []string{"simulated", "attributed"} {
		f := energyCases()[name].fixture.write(t, t.TempDir())
		s, err := Summarise(f)
		if err != nil {
			t.Fatal(err)
		}
		ms, err := newEnergySection(s, marks(s.ran()))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := pages.ExecuteTemplate(&b, "energy", ms); err != nil {
			t.Fatal(err)
		}
		found := number.FindAllString(b.String(), -1)
		if len(found) < 20 {
			t.Errorf("%s: %d numbers", name, len(found))
		}
		for _, n := range found {
			if !strings.Contains(n, name) {
				t.Errorf("%s: %q stands there without it", name, n)
			}
		}
	}
}

func TestEnergyNumbers(t *testing.T) {
	f := energyCases()["measured"].fixture.write(t, t.TempDir())
	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	e := s.Cells[0].Energy
	// 5 W for 0.2 s over 1,000 invocations are 1 mJ, and 10 W more are 3 mJ;
	// 3 mJ at 250 g/kWh are 3e-3/3.6e6·250 g.
	if math.Abs(*e.NetJ-1e-3) > 1e-5 || math.Abs(*e.GrossJ-3e-3) > 1e-5 || e.Invocations != 5000 || math.Abs(*e.Watts-15) > 0.01 || math.Abs(*e.SCIG-*e.GrossJ/3.6e6*250) > 1e-15 {
		t.Errorf("%+v", e)
	}
	if len(e.Domains) != 1 || math.Abs(*e.Domains[0].NetJ-1e-4) > 1e-6 {
		t.Errorf("domains %+v", e.Domains)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"status":"measured"`, `"invocations":5000`, `"source":"powercap"`, `"window_s":0.2`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the JSON lacks %s", want)
		}
	}
	for _, tt := range []struct {
		v, u float64
		want string
	}{
		{1.5e-3, 2e-5, "1.500 ± 0.040\u00a0mJ"}, {999.94e-6, 0, "999.9\u00a0µJ"}, {12.3456, 0.01, "12.35 ± 0.02\u00a0J"}, {5e-13, 1e-13, "< 0.001 ± 0.0002\u00a0nJ"}, {2e6, 1, "2000 ± 0.002\u00a0kJ"},
	} {
		if got := joules(tt.v, &tt.u); got != tt.want {
			t.Errorf("%g ± %g: %q, want %q", tt.v, tt.u, got, tt.want)
		}
	}
}
