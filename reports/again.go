package reports

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// again is the section on how to get this run once more, and its raw data.
type again struct {
	Run, Command string
	Raw          string // address of the records
	Alone        bool   // they are not beside the page
	Files        []fact // the records, and what each holds
	Hash, Order  string
	Variables    []fact
	Source       string
}

// records are the files of a run's folder that a page is made from. The first
// three are always there.
var records = []fact{
	{results.TrialsFile, "one record per trial"},
	{results.PlanFile, "cells and order"},
	{results.RunFile, "the machine and the engines"},
	{results.StopsFile, "why cells stopped"},
	{results.EnergyFile, "one record per energy window"},
	{results.BlocksFile, "what others did meanwhile"},
}

// recordsIn gives those that a folder holds and that are not empty.
func recordsIn(dir string) (out []fact) {
	for _, f := range records {
		if info, err := os.Stat(filepath.Join(dir, f.Key)); err == nil && info.Size() > 0 {
			out = append(out, f)
		}
	}
	return out
}

func newAgain(s *Summary, raw string, alone bool) again {
	a := again{Run: s.Run, Command: command(s.run.Command), Raw: raw, Alone: alone, Files: records[:3], Hash: s.plan.Hash, Order: order(&s.plan), Source: s.run.Source}
	for _, k := range slices.Sorted(maps.Keys(s.run.Variables)) {
		a.Variables = append(a.Variables, fact{"variable " + k, s.run.Variables[k]})
	}
	return a
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
