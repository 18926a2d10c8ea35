package meter

import (
	"fmt"
	"strings"
	"time"
)

// How moving looks.
const (
	movingPause  = time.Millisecond
	besidesPause = 100 * time.Millisecond // for what is not in the total
	leastPeriods = 4                      // a counter that is updated more seldom is not judged
)

// moving waits until each counter has moved. If one of the total does not in all
// that time, the source is of no use; any other is left out. A power may stay
// the same.
func moving(s Source, patience time.Duration) (Source, error) {
	if patience == 0 {
		return s, nil
	}
	info := s.Info()
	still := map[int]uint64{}
	for i, d := range info.Domains {
		if d.Integrated || leastPeriods*d.Period > patience {
			continue
		}
		if v, err := s.Read(i); err == nil { // else the windows will say so
			still[i] = v
		}
	}
	for began := time.Now(); len(still) > 0 && time.Since(began) < patience; time.Sleep(movingPause) {
		total := false
		for i, first := range still {
			if v, err := s.Read(i); err != nil || v != first {
				delete(still, i)
				continue
			}
			total = total || info.Domains[i].Total
		}
		if !total && time.Since(began) > besidesPause {
			break
		}
	}
	if len(still) == 0 {
		return s, nil
	}
	left := &some{Source: s, info: info}
	left.info.Domains = nil
	var names []string
	dead := false
	for i, d := range info.Domains {
		if _, is := still[i]; is {
			names, dead = append(names, d.Name), dead || d.Total
			continue
		}
		left.info.Domains, left.of = append(left.info.Domains, d), append(left.of, i)
	}
	if dead {
		s.Close()
		return nil, closed(info.Source, fmt.Sprintf("%s did not move for %s: a counter that stands still counts nothing", strings.Join(names, ", "), patience), "")
	}
	left.info.Notes = append(left.info.Notes[:len(left.info.Notes):len(left.info.Notes)], strings.Join(names, ", ")+" did not move")
	return left, nil
}
