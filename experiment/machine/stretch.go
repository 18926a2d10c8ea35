package machine

import (
	"fmt"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// Stretch is what happened on the machine in a part of a run. What it does not
// show is nil.
type Stretch struct {
	Blocks             int      // how many blocks of the run it holds
	Others, Stolen     *float64 // shares of the processors' time
	Throttled, Swapped *int64
}

// Between gives the stretch between two readings, in which programs that have
// no part in the run took so much CPU time; below 0: that is not known.
func Between(a, b Counters, others time.Duration) (s Stretch) {
	if ticks := b.ticks - a.ticks; a.known[0] && b.known[0] && ticks > 0 {
		share := func(x float64) *float64 {
			x = min(max(x/ticks, 0), 1)
			return &x
		}
		s.Stolen = share(b.steal - a.steal)
		if others >= 0 {
			s.Others = share(float64(others) / float64(tick))
		}
	}
	count := func(x float64) *int64 {
		n := int64(max(x, 0)) // a processor that went offline took its count with it
		return &n
	}
	if a.known[1] && b.known[1] {
		s.Throttled = count(b.throttled - a.throttled)
	}
	if a.known[2] && b.known[2] {
		s.Swapped = count(b.swapped - a.swapped)
	}
	return s
}

// tick is the kernel's unit of CPU time in /proc: USER_HZ is 100 on every
// architecture that Linux still has.
const tick = 10 * time.Millisecond

// LeastStretch is the least time in which the kernel's counters tell a share
// of a hundredth: on one processor they have a hundred ticks in it.
const LeastStretch = time.Second

// Within adds to what During found over a whole run what its stretches tell.
// What disturbed few of the blocks is noted: it moves no median by much. unit
// is what they are counted in: blocks, or stretches where a run has no blocks.
func Within(during []experiment.Finding, ss []Stretch, unit string) []experiment.Finding {
	load := share(ss, busyShare, unit, "others kept the processors %s busy", func(s Stretch) *float64 { return s.Others })
	if load != nil {
		load.Check, load.Why, load.Remedy = experiment.Load, loadWhy, loadRemedy
		during = append([]experiment.Finding{*load}, during...)
	}
	stolen := share(ss, stealShare, unit, "%s", func(s Stretch) *float64 { return s.Stolen })
	for i := range during {
		f := &during[i]
		if f.Check != experiment.StolenTime || stolen == nil || stolen.Severity == experiment.Fine {
			continue
		}
		if f.Severity != experiment.Disturbing {
			f.Severity, f.Why, f.Remedy = stolen.Severity, stealWhy, stealRemedy
		}
		f.Found += "; " + stolen.Found
	}
	return during
}

// share gives a finding on a share in stretches; nil where none shows it.
func share(ss []Stretch, bound float64, unit, format string, of func(Stretch) *float64) *experiment.Finding {
	blocks, above, most := 0, 0, 0.0
	for _, s := range ss {
		x := of(s)
		if x == nil {
			continue
		}
		blocks += s.Blocks
		most = max(most, *x)
		if *x > bound {
			above += s.Blocks
		}
	}
	if blocks == 0 {
		return nil
	}
	f := &experiment.Finding{Severity: experiment.Fine}
	percent := fmt.Sprintf("at most %.0f %%", 100*most)
	if most < 0.1 {
		percent = fmt.Sprintf("at most %.1f %%", 100*most)
	}
	f.Found = fmt.Sprintf(format, percent)
	if blocks == 1 {
		unit = strings.TrimSuffix(strings.TrimSuffix(unit, "s"), "e") // a block, a stretch
	}
	if above > 0 {
		f.Severity = experiment.Noted
		f.Found += fmt.Sprintf(", and more than %.0f %% in %d of %d %s", 100*bound, above, blocks, unit)
	}
	if float64(above) > fewBlocks*float64(blocks) {
		f.Severity = experiment.Disturbing
	}
	return f
}
