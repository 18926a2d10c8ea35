package meter

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// How long Watch looks for mirrors.
const (
	mirrorSamples = 48
	mirrorPause   = 700 * time.Microsecond
	mirrorMoves   = 8 // of each counter, or there is nothing to tell
)

// withoutMirrors leaves out each counter of the total that moves together
// with one before it: their distance does not change while both run. Two
// packages of their own never keep a distance to the µJ, however alike their
// load is, because each is updated in its own time. A reading that falls
// between two updates is off, so not every distance has to agree.
func withoutMirrors(s Source, c Clock) Source {
	info := s.Info()
	var total []int
	for i, d := range info.Domains {
		if d.Total && !d.Integrated {
			total = append(total, i)
		}
	}
	if len(total) < 2 {
		return s
	}
	seen := map[int][]uint64{}
	for range mirrorSamples {
		for _, i := range total {
			v, err := s.Read(i)
			if err != nil {
				return s // the windows will say so
			}
			seen[i] = append(seen[i], v)
		}
		if c.Sleep(context.Background(), mirrorPause) != nil {
			return s
		}
	}
	mirror := map[int]int{}
	for n, i := range total {
		for _, j := range total[:n] {
			if _, is := mirror[j]; !is && together(seen[i], seen[j]) {
				mirror[i] = j
				break
			}
		}
	}
	if len(mirror) == 0 {
		return s
	}
	left := &some{Source: s, info: info}
	left.info.Domains, left.info.Notes = nil, slices.Clone(info.Notes)
	for i, d := range info.Domains {
		if j, is := mirror[i]; is {
			left.info.Notes = append(left.info.Notes, fmt.Sprintf("%s moves together with %s: they are one counter", d.Name, info.Domains[j].Name))
			continue
		}
		left.info.Domains, left.of = append(left.info.Domains, d), append(left.of, i)
	}
	return left
}

// together reports whether two counters keep their distance.
func together(a, b []uint64) bool {
	distance := map[uint64]int{}
	moves := 0
	for k := range a {
		distance[a[k]-b[k]]++
		if k > 0 && a[k] != a[k-1] && b[k] != b[k-1] {
			moves++
		}
	}
	most := 0
	for d := range distance {
		// Kernels cut steps to whole µJ: neighbours are one distance.
		most = max(most, distance[d-1]+distance[d]+distance[d+1])
	}
	return moves >= mirrorMoves && most >= len(a)*3/4
}
