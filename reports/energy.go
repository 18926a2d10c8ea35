package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// CellEnergy is the energy of one invocation of a cell, in joules. What was
// not measured is absent, and never 0.
type CellEnergy struct {
	Status stats.EnergyStatus `json:"status"`
	Reason string             `json:"reason,omitempty"` // why it is unavailable
	// GrossJ holds what the idle machine takes meanwhile, NetJ does not. UJ
	// is the standard uncertainty of NetJ: it lies within twice that in at
	// least 95 of 100 cases.
	GrossJ  *float64 `json:"gross_j,omitempty"`
	GrossUJ *float64 `json:"gross_u_j,omitempty"`
	NetJ    *float64 `json:"net_j,omitempty"`
	UJ      *float64 `json:"u_j,omitempty"`
	BelowJ  *float64 `json:"below_j,omitempty"` // the net energy is less; where it is below resolution
	// Invocations are those of all valid windows together, WindowS is how
	// long one lasts.
	Invocations int      `json:"invocations,omitempty"`
	Windows     int      `json:"windows,omitempty"`
	Invalid     int      `json:"invalid_windows,omitempty"` // attempts that counted for nothing
	WindowS     *float64 `json:"window_s,omitempty"`
	Source      string   `json:"source,omitempty"`
	Simulated   bool     `json:"simulated,omitempty"`
	Watts       *float64 `json:"watts,omitempty"` // of the machine, while it serves
	IdleWatts   *float64 `json:"idle_watts,omitempty"`
	// OthersShare is the CPU time that programs without a part in it took
	// more or less than beside the windows, as a share of that beyond idle.
	// Where Status is attributed, what they took is out of the energy.
	OthersShare *float64 `json:"others_share,omitempty"`
	// HarnessShare is Nebula's own share of the windows' CPU time. Its energy
	// is in the numbers.
	HarnessShare *float64 `json:"harness_share,omitempty"`
	// SCIG is the software carbon intensity in grams of CO₂ equivalent, where
	// the experiment gives the grid's intensity.
	SCIG *float64 `json:"sci_g,omitempty"`
	// Domains are the counters beside the total.
	Domains []DomainEnergy `json:"domains,omitempty"`
}

// DomainEnergy is that of a counter which is no part of the total.
type DomainEnergy struct {
	Name   string             `json:"name"`
	Status stats.EnergyStatus `json:"status"`
	GrossJ *float64           `json:"gross_j,omitempty"`
	NetJ   *float64           `json:"net_j,omitempty"`
	UJ     *float64           `json:"u_j,omitempty"`
	BelowJ *float64           `json:"below_j,omitempty"`
}

// windows are what the records say of a cell.
type windows struct {
	valid   []*results.EnergyWindow
	invalid int
	final   int
	why     string // the last reason
}

// gatherEnergy fills in the energy of the cells of the plan.
func gatherEnergy(s *Summary, f *results.Folder) error {
	plan := f.Plan.Energy
	if plan == nil {
		return nil
	}
	by := map[experiment.Cell]*windows{}
	for i := range s.ran() {
		by[s.Cells[i].Cell] = &windows{}
	}
	for w, err := range f.Energy() {
		if err != nil {
			return err
		}
		c := by[w.Cell]
		if c == nil {
			continue
		}
		if w.Final() {
			c.final++
		}
		if w.Invalid != "" {
			c.invalid++
			c.why = w.Invalid
			continue
		}
		c.valid = append(c.valid, w)
	}
	for i := range s.ran() {
		c := &s.Cells[i]
		c.Energy = cellEnergy(plan, f.Run.Energy, c, by[c.Cell])
		s.windowsMissing += max(0, plan.Windows-by[c.Cell].final)
	}
	return nil
}

func cellEnergy(plan *experiment.Energy, facts *results.EnergyFacts, c *Cell, ws *windows) *CellEnergy {
	e := &CellEnergy{Status: stats.Unavailable, Windows: len(ws.valid), Invalid: ws.invalid}
	if why := lacksEnergy(plan, facts, c, ws); why != "" {
		e.Reason = why
		return e
	}
	e.Source, e.Simulated = ws.valid[0].Source, ws.valid[0].Simulated
	for _, w := range ws.valid {
		e.Simulated = e.Simulated || w.Simulated
		if w.Source != e.Source {
			e.Reason = "its windows come from different sources: " + e.Source + " and " + w.Source
			return e
		}
	}
	var in stats.Energy
	if e.Source == "" {
		in = stats.EstimateEnergy(spans(ws.valid, ""), plan.Estimate.WattsIdle, plan.Estimate.WattsFull, facts.Processors)
		e.Source = "estimate: " + plan.Estimate.Model
	} else {
		in = stats.PerInvocation(spans(ws.valid, ""))
	}
	if in.Status == stats.Unavailable {
		e.Reason = "its windows give no number"
		return e
	}
	e.Status, e.Invocations = in.Status, in.N
	if e.Source == "estimate: "+experiment.CPUTime && in.Status == stats.BelowResolution {
		e.Reason = "by an estimate from CPU time"
	}
	e.GrossJ, e.GrossUJ, e.NetJ, e.UJ, e.BelowJ = someOf(in.Gross), someOf(in.GrossU), someOf(in.Net), someOf(in.U), someOf(in.Below)
	e.WindowS, e.Watts, e.IdleWatts = someOf(in.Seconds), someOf(in.Watts), someOf(in.Idle)
	if !math.IsNaN(in.Others) {
		e.OthersShare = &in.Others
	}
	e.HarnessShare = harnessShare(ws.valid)
	if plan.CarbonIntensity > 0 && e.GrossJ != nil {
		e.SCIG = someOf(stats.SCI(*e.GrossJ, plan.CarbonIntensity))
	}
	for _, d := range ws.valid[0].Work.Domains {
		if d.InTotal {
			continue
		}
		x := stats.PerInvocation(spans(ws.valid, d.Name))
		e.Domains = append(e.Domains, DomainEnergy{d.Name, x.Status, someOf(x.Gross), someOf(x.Net), someOf(x.U), someOf(x.Below)})
	}
	return e
}

// lacksEnergy says why a cell has no energy; empty: it has windows.
func lacksEnergy(plan *experiment.Energy, facts *results.EnergyFacts, c *Cell, ws *windows) string {
	switch {
	case facts == nil:
		return "the run was made before energy was measured"
	case facts.Source == "" && plan.Estimate == nil:
		return doorsInWords(facts)
	}
	for _, w := range facts.Without {
		if w.Backend == c.Backend && w.Start == c.Start {
			return w.Reason
		}
	}
	estimated := slices.ContainsFunc(ws.valid, func(w *results.EnergyWindow) bool { return w.Source == "" })
	switch {
	case c.Outcomes[experiment.OK]+c.Warmups[experiment.OK] == 0 && len(ws.valid) == 0:
		return "no trial of it ended well"
	case len(ws.valid) < stats.MinWindows && ws.why != "":
		return plural(len(ws.valid), "window") + isAre(len(ws.valid)) + fmt.Sprintf(" valid of the %d that it takes: %s", stats.MinWindows, ws.why)
	case len(ws.valid) < stats.MinWindows:
		return plural(len(ws.valid), "window") + hasOf(len(ws.valid)) + fmt.Sprintf(" been measured of the %d that it takes", stats.MinWindows)
	case estimated && (plan.Estimate == nil || facts.Processors < 1):
		return "its windows hold CPU time alone, and the experiment has no estimate"
	}
	return ""
}

func hasOf(n int) string { return " " + hasHave(n) }

func doorsInWords(facts *results.EnergyFacts) string {
	if len(facts.Doors) == 0 {
		return "this machine has no energy counter"
	}
	var doors []string
	for _, d := range facts.Doors {
		doors = append(doors, d.Name+": "+d.Why)
	}
	return strings.Join(doors, "; ")
}

// someOf is nil for what is no number, and for what can't be an energy.
func someOf(v float64) *float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// spans gives windows as stats takes them: of the total, or of a domain.
func spans(ws []*results.EnergyWindow, domain string) (out []stats.EnergyWindow) {
	for _, w := range ws {
		out = append(out, stats.EnergyWindow{N: w.Invocations, Before: spanOf(w.Before, domain), Work: spanOf(w.Work, domain), After: spanOf(w.After, domain)})
	}
	return out
}

func spanOf(s *results.EnergySpan, domain string) stats.EnergySpan {
	nan := math.NaN()
	out := stats.EnergySpan{Seconds: float64(s.NS) / 1e9, Joules: nan, U: nan, Machine: nan, Others: nan}
	a := s.Total
	if domain != "" {
		a = nil
		for _, d := range s.Domains {
			if d.Name == domain {
				a = d.EnergyAmount
			}
		}
	}
	if a != nil {
		out.Seconds, out.SecondsU, out.Joules, out.U = a.Seconds, a.SecondsU, a.Joules, a.U
	}
	if s.CPU.Machine != nil {
		out.Machine = float64(*s.CPU.Machine) / 1e9
	}
	if s.CPU.Others != nil {
		out.Others = float64(*s.CPU.Others) / 1e9
	}
	return out
}

// harnessShare is Nebula's share of what the processors did in the windows
// for the function's sake; nil where the backend does not tell the function's.
func harnessShare(ws []*results.EnergyWindow) *float64 {
	var function, harness int64
	for _, w := range ws {
		if w.Work.CPU.Function == nil || w.Work.CPU.Harness == nil {
			return nil
		}
		function += *w.Work.CPU.Function
		harness += *w.Work.CPU.Harness
	}
	if function+harness <= 0 {
		return nil
	}
	share := float64(harness) / float64(function+harness)
	return &share
}

// energyUnits are scales for joules. web/js has the same for its axes.
var energyUnits = []struct {
	name   string
	joules float64
}{{"nJ", 1e-9}, {"µJ", 1e-6}, {"mJ", 1e-3}, {"J", 1}, {"kJ", 1e3}}

// joules shows an energy and, where there is one, its uncertainty in the same
// unit, with four digits.
func joules(v float64, u *float64) string {
	unit := energyUnits[len(energyUnits)-1]
	for _, x := range energyUnits {
		if v < 999.95*x.joules {
			unit = x
			break
		}
	}
	x := v / unit.joules
	decimals := 3
	for y := x; decimals > 0 && y >= 9.9995; y /= 10 {
		decimals--
	}
	text := number(x, decimals)
	if x < 0.001 {
		text = "< 0.001"
	}
	if u != nil && *u > 0 {
		wide := 2 * *u / unit.joules
		if shown := number(wide, decimals); strings.ContainsAny(shown, "123456789") {
			text += " ± " + shown
		} else {
			text += " ± " + strconv.FormatFloat(wide, 'f', -int(math.Floor(math.Log10(wide))), 64) // one digit of it
		}
	}
	return text + "\u00a0" + unit.name
}

// Words are what a table shows of an energy. Whatever is no measurement of
// this machine says so beside the number.
func (e *CellEnergy) gross() string {
	if e == nil || e.GrossJ == nil {
		return "–"
	}
	return joules(*e.GrossJ, e.GrossUJ) + e.mark()
}

func (e *CellEnergy) net() string {
	switch {
	case e == nil:
		return "–"
	case e.Status == stats.Unavailable:
		return "unavailable"
	case e.Status == stats.BelowResolution && e.BelowJ != nil:
		return "below resolution (< " + joules(*e.BelowJ, nil) + ")" + e.mark()
	case e.NetJ == nil:
		return "–"
	}
	return joules(*e.NetJ, e.UJ) + e.mark()
}

// counted is the number of invocations that an energy stands on.
func (e *CellEnergy) counted() string {
	if e == nil || e.Invocations == 0 {
		return "–"
	}
	return strconv.Itoa(e.Invocations)
}

func (e *CellEnergy) mark() string {
	var marks []string
	if e.Simulated {
		marks = append(marks, "simulated")
	}
	switch {
	case strings.HasPrefix(e.Source, "estimate"):
		marks = append(marks, "estimated")
	case e.Status == stats.Attributed:
		marks = append(marks, "attributed")
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}
