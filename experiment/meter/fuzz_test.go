package meter

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"
)

// tape is a source and a clock that play what they are given: for each
// reading a count, or none, and how much time passes.
type tape struct {
	domain Domain
	counts []uint64
	gaps   []uint32 // µs
	now    int64
}

func (x *tape) Info() Info { return Info{Domains: []Domain{x.domain}} }
func (x *tape) Close() error {
	return nil
}

func (x *tape) Read(int) (uint64, error) {
	if len(x.counts) == 0 {
		return 0, errors.New("the tape is over")
	}
	v := x.counts[0]
	x.counts = x.counts[1:]
	if v == math.MaxUint64 {
		return 0, errors.New("a gap")
	}
	return v, nil
}

func (x *tape) Now() int64                                { x.now += 1000; return x.now }
func (x *tape) Boot() int64                               { return x.now }
func (x *tape) Wall() time.Time                           { return time.Time{} }
func (x *tape) Every(time.Duration, func()) (stop func()) { return func() {} }
func (x *tape) Sleep(_ context.Context, d time.Duration) error {
	x.now += int64(d)
	if len(x.gaps) > 0 {
		x.now += int64(x.gaps[0]) * 1000
		x.gaps = x.gaps[1:]
	}
	return nil
}

// FuzzWindow plays any counts to a Meter: a window has joules, more than none
// and no more than any machine takes, or a reason and no number.
func FuzzWindow(f *testing.F) {
	f.Add(uint64(0), false, []byte{1, 2, 3})
	f.Add(uint64(262143328850), false, []byte("any counts at all, and what comes after them"))
	f.Add(uint64(1000), true, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, most uint64, integrated bool, b []byte) {
		x := &tape{domain: Domain{Name: "package-0", Total: true, Unit: 1e-6, Range: most, Period: time.Millisecond, Most: mostOfPackage, Integrated: integrated}}
		for count := uint64(0); len(b) >= 4; b = b[4:] {
			v := binary.LittleEndian.Uint32(b)
			x.gaps = append(x.gaps, v>>16)
			switch v & 7 {
			case 0:
				count = math.MaxUint64
			case 1:
				count = uint64(v) << 13
			default:
				count += uint64(v & 0xffff)
			}
			x.counts = append(x.counts, count)
		}
		m := Watch(x, x)
		defer m.Close()
		var edges []Edge
		for len(x.counts) > 0 && len(edges) < 20 {
			e, err := m.Edge(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			edges = append(edges, e)
		}
		for i := range edges {
			for j := range edges {
				w := m.Window(edges[i], edges[j])
				switch {
				case w.Invalid == "" && (!(w.Joules > 0) || !(w.U >= 0) || !(w.Length > 0) || w.Joules/w.Length > mostOfPackage):
					t.Errorf("%v J ± %v in %v s", w.Joules, w.U, w.Length)
				case w.Invalid != "" && !math.IsNaN(w.Joules+w.U+w.Length+w.LengthU):
					t.Errorf("%s, and %v J", w.Invalid, w.Joules)
				}
			}
		}
	})
}
