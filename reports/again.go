package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// again is the section on how to get this run once more, and its raw data.
type again struct {
	Run, Command string
	Raw          string // address of the records
	Alone        bool   // they are not beside the page
	Hash, Order  string
	Variables    []fact
	Source       string
}

func newAgain(s *Summary, raw string, alone bool) again {
	a := again{Run: s.Run, Command: command(s.run.Command), Raw: raw, Alone: alone, Hash: s.plan.Hash, Order: order(&s.plan), Source: s.run.Source}
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
