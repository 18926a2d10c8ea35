package runner

import (
	"fmt"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// Prior is what the records of a run that did not end already hold.
type Prior struct {
	spent    time.Duration
	final    []bool      // by trial number - 1
	attempts map[int]int // made of trials that are not final
	bad      int
	done     int
	stops    []results.Stop
	trials   func(func(*results.Trial, error) bool)
	answered map[experiment.Cell]bool      // a trial of it ended well
	windows  map[int]*results.EnergyWindow // the last record of each
}

// NewPrior reads the records of a run's folder. A record that the plan does
// not hold is an error: the folder's files do not belong together.
func NewPrior(f *results.Folder) (*Prior, error) {
	p := &Prior{final: make([]bool, f.Plan.Len()), attempts: map[int]int{}, trials: f.Trials(), answered: map[experiment.Cell]bool{}}
	var requests []time.Time
	for t, err := range f.Trials() {
		if err != nil {
			return nil, err
		}
		if t.Trial > len(p.final) {
			return nil, fmt.Errorf("%s holds a record of trial %d, and the plan has %d", f.Dir, t.Trial, len(p.final))
		}
		requests = append(requests, t.Requested)
		if !t.Final() {
			p.attempts[t.Trial] = t.Attempt
			continue
		}
		if p.final[t.Trial-1] {
			return nil, fmt.Errorf("%s holds two records of trial %d", f.Dir, t.Trial)
		}
		p.final[t.Trial-1] = true
		p.done++
		if t.Outcome == experiment.OK {
			p.answered[t.Cell()] = true
		} else {
			p.bad++
		}
	}
	if err := p.readWindows(f); err != nil {
		return nil, err
	}
	p.spent = spent(f.Run.Sessions, requests)
	var err error
	p.stops, err = f.Stops()
	return p, err
}

// readWindows reads the records of energy windows.
func (p *Prior) readWindows(f *results.Folder) error {
	p.windows = map[int]*results.EnergyWindow{}
	planned := map[int]experiment.Cell{}
	for w := range f.Plan.EnergyWindows() {
		planned[w.Window] = f.Plan.Cells[w.Cell]
	}
	for w, err := range f.Energy() {
		if err != nil {
			return err
		}
		if c, ok := planned[w.Window]; !ok || c != w.Cell {
			return fmt.Errorf("%s holds a record of energy window %d of %s, which the plan does not have", f.Dir, w.Window, w.Cell)
		}
		if last := p.windows[w.Window]; last != nil && last.Final() {
			return fmt.Errorf("%s holds two records of energy window %d", f.Dir, w.Window)
		}
		p.windows[w.Window] = w
	}
	return nil
}

// spent is how long sessions lasted. Of one that was killed, its last request
// says how far it came.
func spent(sessions []results.Session, requests []time.Time) (d time.Duration) {
	for i, s := range sessions {
		if s.Ended != nil {
			d += s.Ended.Sub(s.Started)
			continue
		}
		last := s.Started
		for _, r := range requests {
			if r.After(last) && (i+1 == len(sessions) || r.Before(sessions[i+1].Started)) {
				last = r
			}
		}
		d += last.Sub(s.Started)
	}
	return d
}

// Done is how many trials have their final record.
func (p *Prior) Done() int {
	if p == nil {
		return 0
	}
	return p.done
}

// Bad is how many of those did not end well.
func (p *Prior) Bad() int {
	if p == nil {
		return 0
	}
	return p.bad
}

// Left is how many trials of the plan are still to run at most.
func (p *Prior) Left(plan *experiment.Plan) int {
	if p == nil {
		return plan.Len()
	}
	return results.Planned(plan, p.stops) - p.done
}

// has reports whether a trial has its final record, and how many attempts
// were made of one that has not.
func (p *Prior) has(trial int) (bool, int) {
	if p == nil {
		return false, 0
	}
	return p.final[trial-1], p.attempts[trial]
}

// hasWindow reports whether an energy window has its final record, and how
// many attempts were made of one that has not.
func (p *Prior) hasWindow(window int) (bool, int) {
	if p == nil || p.windows[window] == nil {
		return false, 0
	}
	w := p.windows[window]
	return w.Final(), w.Attempt
}
