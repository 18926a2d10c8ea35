// Package simulator makes a powercap tree in a folder whose counters follow a
// power that is known: the truth against which energy is tested, and what a
// demonstration runs on where there is no RAPL.
//
// It runs in real time (Run) or on a clock of its own (Clock), on which
// hours pass in milliseconds. In both, counters follow the energy by time and
// not by the number of steps: a step that comes late catches up.
//
// A tree carries the file class/powercap/.simulated, so that nobody takes its
// numbers for a machine's. It never belongs into a repository: its names have
// colons, which Go's module archives refuse.
package simulator

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Zone is one counter.
type Zone struct {
	Dir     string  // its folder: intel-rapl:0, or intel-rapl:0:0 for a part
	Name    string  // package-0, dram, psys
	Watts   float64 // to begin with
	PerCPU  float64 // watts more for each processor of this machine that is busy; in real time only
	Quantum uint64  // µJ; 0: 61
	// Range is the last value before zero, in µJ, made a multiple of the
	// quantum; 0: that of a counter of 32 bits.
	Range   uint64
	NoRange bool   // without max_energy_range_uj
	Start   uint64 // the count to begin with, µJ
	// Like names the folder of a zone whose counter this one shows: another
	// die of its socket, or the mmio twin.
	Like string
}

// Options say what to simulate.
type Options struct {
	Dir    string // the tree's root, in the place of /sys; it must be empty or not there
	Zones  []Zone
	Period time.Duration // between two updates of a counter; 0: 1 ms
	Jitter time.Duration // an update comes late by up to this; 0: 200 µs; it is less than the period
	Seed   uint64        // of the jitter
}

// Simulator is a tree and the energy behind it.
type Simulator struct {
	o    Options
	made bool // the root was made here, or by one that was killed

	mu    sync.Mutex
	now   func() int64
	zones []*zone
	busy  series // processors' busy seconds since the beginning
}

// zone is a counter's state.
type zone struct {
	Zone
	file    *os.File
	length  int     // of what the file holds
	update  int64   // the last that was written, on a clock of its own
	next    int64   // when the next is due, in real time
	salt    uint64  // of its jitter
	taken   series  // joules over time, without the processors' part
	power   float64 // since the last of them
	shown   *zone   // whose energy it shows; itself unless Like
	reset   float64 // the energy at which the counter was set back
	stopped bool
}

// series is a quantity over time, a straight line between two points.
type series struct {
	at    []int64
	value []float64
}

// New writes the tree. Energy is taken from now on.
func New(o Options) (*Simulator, error) {
	if o.Period == 0 {
		o.Period = time.Millisecond
	}
	if o.Jitter == 0 {
		o.Jitter = min(200*time.Microsecond, o.Period/5)
	}
	if o.Jitter >= o.Period {
		return nil, errors.New("the jitter must be less than the period")
	}
	s := &Simulator{o: o, now: system.Monotonic}
	if err := s.makeRoot(); err != nil {
		return nil, err
	}
	for i, z := range o.Zones {
		if err := s.add(z, uint64(i)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	now := s.now()
	s.busy = series{[]int64{now}, []float64{0}}
	for _, z := range s.zones {
		z.taken = series{[]int64{now}, []float64{0}}
		if err := s.write(z, now); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Dir is the tree's root, for the place of /sys.
func (s *Simulator) Dir() string { return s.o.Dir }

func (s *Simulator) powercap() string { return filepath.Join(s.o.Dir, "class", "powercap") }

// marker makes a tree known as simulated.
const marker = ".simulated"

// makeRoot makes the folder. One that a simulator left behind is replaced;
// anything else that is there already is somebody's.
func (s *Simulator) makeRoot() error {
	entries, err := os.ReadDir(s.o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.made = true
	case err != nil:
		return err
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(s.powercap(), marker)); err != nil {
			return fmt.Errorf("%s is not empty", s.o.Dir)
		}
		if err := os.RemoveAll(s.powercap()); err != nil {
			return err
		}
		s.made = true
	}
	if err := os.MkdirAll(s.powercap(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.powercap(), marker), []byte("made by nebula simulate\n"), 0o644)
}

func (s *Simulator) add(z Zone, salt uint64) error {
	if !filepath.IsLocal(z.Dir) || filepath.Base(z.Dir) != z.Dir {
		return fmt.Errorf("%q is no zone's folder", z.Dir)
	}
	if z.Quantum == 0 {
		z.Quantum = 61
	}
	if z.Range == 0 {
		z.Range = z.Quantum * (1<<32 - 1)
	}
	z.Range -= z.Range % z.Quantum
	n := &zone{Zone: z, power: z.Watts, update: math.MinInt64, salt: salt}
	n.shown = n
	if z.Like != "" {
		other, err := s.zone(z.Like)
		if err != nil {
			return err
		}
		n.shown, n.salt, n.Quantum, n.Range, n.Start = other, other.salt, other.Quantum, other.Range, other.Start
	}
	dir := filepath.Join(s.powercap(), z.Dir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"name": z.Name, "max_energy_range_uj": strconv.FormatUint(n.Range, 10)}
	if z.NoRange {
		delete(files, "max_energy_range_uj")
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
			return err
		}
	}
	var err error
	n.file, err = os.Create(filepath.Join(dir, "energy_uj"))
	s.zones = append(s.zones, n)
	return err
}

func (s *Simulator) zone(dir string) (*zone, error) {
	for _, z := range s.zones {
		if z.Dir == dir {
			return z, nil
		}
	}
	return nil, fmt.Errorf("there is no zone %q", dir)
}

// must is for the zones that a test names.
func (s *Simulator) must(dir string) *zone {
	z, err := s.zone(dir)
	if err != nil {
		panic(err)
	}
	return z
}

// Close removes the tree.
func (s *Simulator) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, z := range s.zones {
		z.stopped = true
		if z.file != nil {
			errs = append(errs, z.file.Close())
		}
	}
	errs = append(errs, os.RemoveAll(s.powercap()))
	os.Remove(filepath.Join(s.o.Dir, "class")) // unless there is more in it
	if s.made {
		os.Remove(s.o.Dir)
	}
	return errors.Join(errs...)
}

// energy is what a zone has taken since the beginning, in joules.
func (s *Simulator) energy(z *zone, at int64) float64 {
	z = z.shown
	last := len(z.taken.at) - 1
	if at >= z.taken.at[last] {
		j := z.taken.value[last] + z.power*float64(at-z.taken.at[last])/1e9
		return j + z.PerCPU*s.busy.of(at)
	}
	return z.taken.of(at) + z.PerCPU*s.busy.of(at)
}

// of gives the value at a moment; before the first and after the last point
// it is theirs.
func (x series) of(at int64) float64 {
	lo, hi := 0, len(x.at)-1
	if at <= x.at[lo] {
		return x.value[lo]
	}
	if at >= x.at[hi] {
		return x.value[hi]
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; x.at[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return x.value[lo] + (x.value[hi]-x.value[lo])*float64(at-x.at[lo])/float64(x.at[hi]-x.at[lo])
}

// write shows the energy of a moment.
func (s *Simulator) write(z *zone, at int64) error {
	if z.stopped {
		return nil
	}
	quanta := uint64(max(0, s.energy(z, at)-z.reset) * 1e6 / float64(z.Quantum))
	count := z.Start + quanta*z.Quantum
	count %= z.Range + z.Quantum
	text := strconv.AppendUint(nil, count, 10)
	text = append(text, '\n')
	if _, err := z.file.WriteAt(text, 0); err != nil {
		return err
	}
	if len(text) < z.length {
		if err := z.file.Truncate(int64(len(text))); err != nil {
			return err
		}
	}
	z.length = len(text)
	return nil
}

// updated is the number of the last update of a zone that was due at a moment.
func (s *Simulator) updated(z *zone, at int64) int64 {
	n := at / int64(s.o.Period)
	if s.due(z, n) > at {
		n--
	}
	return n
}

// due is when an update comes: on the grid, and late by its jitter.
func (s *Simulator) due(z *zone, n int64) int64 {
	h := s.o.Seed ^ z.salt<<56 ^ uint64(n)
	// SplitMix64: a moment's jitter hangs on nothing that happened before.
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return n*int64(s.o.Period) + int64(float64(s.o.Jitter)*float64(h>>11)/(1<<53))
}

// history is how many points are kept of what processors did: a quarter of an
// hour.
const history = 1 << 20

// Joules is the truth: what a zone took between two moments of CLOCK_MONOTONIC
// (of Clock, where that drives it), in nanoseconds. It is NaN for what lies
// further back than is kept.
func (s *Simulator) Joules(dir string, from, to int64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.must(dir)
	if z.shown.PerCPU != 0 && from < s.busy.at[0] {
		return math.NaN()
	}
	return s.energy(z, to) - s.energy(z, from)
}

// SetWatts changes a zone's power from now on.
func (s *Simulator) SetWatts(dir string, watts float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z, now := s.must(dir), s.now()
	last := len(z.taken.at) - 1
	j := z.taken.value[last] + z.power*float64(now-z.taken.at[last])/1e9
	z.taken.at, z.taken.value, z.power = append(z.taken.at, now), append(z.taken.value, j), watts
}
