// Package meter reads energy counters and says what they showed between two
// moments: joules, with an uncertainty that follows from the counters alone.
//
// It refuses to guess. A counter that can't be read, that was set back, that
// may have wrapped more often than can be told or that did not move at all
// makes a window invalid, with the reason, and gives no number. It models no
// power, knows no trial and no statistics.
//
// A Source is one door to energy; Open chooses one. A Meter watches a source
// in the background and gives the moments, its Edges, between which a Window
// lies.
package meter

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Domain is one counter of a source.
type Domain struct {
	Name string // package-0, dram-0, psys, or the sensor's own
	// Total says that the domain is a part of the machine's total: packages,
	// each once. Memory and the platform are reported beside it.
	Total bool
	Unit  float64 // joules per count; watts per count where Integrated
	// Quantum is the least step as far as the source tells it, in joules
	// (watts where Integrated); 0 where only watching tells: see Meter.Info.
	Quantum float64
	// Period is how often the counter is updated; 0 where that is not known.
	Period time.Duration
	// Range is the last count before the counter begins again at 0; 0 where
	// it never does, or where that is not known.
	Range uint64
	// Integrated says that the source shows power, and that the Meter sums it
	// up over time.
	Integrated bool
	// Most is more than it can take, in watts. A counter that went further was
	// set back, or wrapped once too often.
	Most float64
}

// What no processor package, with its memory, and what no machine takes.
const (
	mostOfPackage = 2_000
	mostOfMachine = 20_000
)

// MaxGap is how far apart two readings may lie so that no second wrap can
// hide between them; 0 where the domain does not say that it wraps.
func (d Domain) MaxGap() time.Duration {
	return time.Duration(float64(d.Range) * d.Unit / d.Most * float64(time.Second))
}

// Info says what a source is.
type Info struct {
	Source    string // powercap, perf, hwmon or command
	Simulated bool   // the counters are the simulator's; reports must say so
	Domains   []Domain
	Notes     []string // what is there and was left out, and why
	// Lacking says what belongs in the total and is not there. Such a sum is no
	// total, and Open gives it only to those who name its parts.
	Lacking []string
	Remedy  string // what would mend that; empty: nothing is known to
}

// Source is one door to energy. It is not safe for concurrent use.
type Source interface {
	Info() Info
	// Read reads the count of the domain of that index in Info.
	Read(domain int) (uint64, error)
	Close() error
}

// Door is a source that is closed.
type Door struct {
	Name   string // "powercap (/sys/class/powercap)"
	Why    string // why it is closed
	Remedy string // what opens it; empty: nothing does
}

func (d Door) String() string {
	if d.Remedy == "" {
		return d.Name + ": " + d.Why
	}
	return d.Name + ": " + d.Why + " (" + d.Remedy + ")"
}

// Unavailable is the error of Open where there is no energy to read: every
// door that was tried.
type Unavailable struct{ Doors []Door }

func (u *Unavailable) Error() string {
	var parts []string
	for _, d := range u.Doors {
		parts = append(parts, d.String())
	}
	return "energy can't be measured: " + strings.Join(parts, "; ")
}

func closed(name, why, remedy string) error {
	return &Unavailable{[]Door{{name, why, remedy}}}
}

// Options choose a source. The zero value chooses by itself, on this machine.
type Options struct {
	Sysfs string // where the kernel's tree is; empty: /sys
	// Source is the door's name, or auto, or none. Empty is auto, or command
	// where there is a Command.
	Source  string
	Command []string // the program and the arguments of the command source
	// Domains are the names of those to read: package-0, or package for every
	// one. Empty: all that the source reports.
	Domains []string
	// Patience is how long the counters of the total are waited for to move
	// once; one that does not is none. 0: they are not waited for.
	Patience time.Duration
}

// Open opens the source that the options name. Its error is an *Unavailable
// where that source, or under auto every source, is closed.
//
// Auto tries powercap first: it tells its zones' names and ranges, and its
// files can be opened to a group, which can do nothing else with that. The
// perf door needs a right that shows every process to its owner. Sensors of
// hwmon come last, and only those that surely are of the whole machine; a
// command is never run unasked.
func Open(o Options) (Source, error) {
	if o.Sysfs == "" {
		o.Sysfs = "/sys"
	}
	if o.Source == "" && len(o.Command) > 0 {
		o.Source = "command"
	}
	if !hasCounters && o.Sysfs == "/sys" && o.Source != "command" && o.Source != "none" {
		return nil, closed("the kernel's counters", "not on this system: Linux alone shows them, and this is "+runtime.GOOS, `read a meter of your own: command = ["program", "argument"]`)
	}
	if o.Source == "" || o.Source == "auto" {
		return openAny(o)
	}
	open, ok := doors[o.Source]
	if !ok {
		return nil, fmt.Errorf("there is no energy source %q: there are auto, %s", o.Source, strings.Join(slices.Sorted(maps.Keys(doors)), ", "))
	}
	s, err := open(o)
	if err != nil {
		return nil, err
	}
	return usable(s, o)
}

// usable leaves what the options ask for of a source, and gives an error where
// that is no total, or does not move.
func usable(s Source, o Options) (Source, error) {
	s, err := choose(s, o.Domains)
	if err != nil {
		return nil, err
	}
	return moving(s, o.Patience)
}

// doors is every source that can be named.
var doors = map[string]func(Options) (Source, error){
	"powercap": func(o Options) (Source, error) { return openPowercap(o.Sysfs) },
	"perf":     func(o Options) (Source, error) { return openPerf(o.Sysfs) },
	"hwmon":    func(o Options) (Source, error) { return openHwmon(o.Sysfs, o.Domains) },
	"command":  func(o Options) (Source, error) { return openCommand(o.Command, 10*time.Second) },
	"none": func(Options) (Source, error) {
		return nil, closed("none", "the experiment asks for no energy", `source = "auto"`)
	},
}

func openAny(o Options) (Source, error) {
	var all Unavailable
	for _, name := range []string{"powercap", "perf", "hwmon"} {
		s, err := doors[name](o)
		if err == nil {
			s, err = usable(s, o)
		}
		if err == nil {
			return s, nil
		}
		u := (*Unavailable)(nil)
		if !errors.As(err, &u) {
			return nil, err
		}
		all.Doors = append(all.Doors, u.Doors...)
	}
	return nil, &all
}

// some is a source with some of its domains.
type some struct {
	Source
	info Info
	of   []int
}

func (s *some) Info() Info                 { return s.info }
func (s *some) Read(i int) (uint64, error) { return s.Source.Read(s.of[i]) }

// named reports whether a name means a domain: by itself, or by what it
// begins with up to a hyphen.
func named(name, domain string) bool {
	if name == domain {
		return true
	}
	domain, _, _ = strings.Cut(domain, " (") // of one name with another zone
	return name == domain || strings.HasPrefix(domain, name+"-")
}

// choose leaves the named domains of a source. The total is made of those
// packages that are named; a single domain that is no package is the total by
// itself, for then nothing is counted twice.
func choose(s Source, names []string) (Source, error) {
	if err := whole(s, names); err != nil {
		s.Close()
		return nil, err
	}
	if len(names) == 0 {
		return s, nil
	}
	c := &some{Source: s, info: s.Info()}
	all := c.info.Domains
	c.info.Domains = nil
	var have []string
	for i, d := range all {
		have = append(have, d.Name)
		if slices.ContainsFunc(names, func(n string) bool { return named(n, d.Name) }) {
			c.info.Domains, c.of = append(c.info.Domains, d), append(c.of, i)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(have, func(d string) bool { return named(n, d) }) {
			s.Close()
			return nil, closed(c.info.Source, fmt.Sprintf("it has no domain %q", n), "it has "+strings.Join(have, ", "))
		}
	}
	if !slices.ContainsFunc(c.info.Domains, func(d Domain) bool { return d.Total }) {
		if len(c.info.Domains) > 1 {
			s.Close()
			return nil, closed(c.info.Source, "none of "+strings.Join(names, ", ")+" is a package, and their sum may count energy twice", "name one of them, or package")
		}
		c.info.Domains[0].Total = true
	}
	return c, nil
}

// whole refuses a total that lacks something, unless its parts are named one by
// one: then nobody takes their sum for more.
func whole(s Source, names []string) error {
	info := s.Info()
	asked := len(names) == 0 || slices.ContainsFunc(info.Lacking, func(l string) bool {
		what, _, _ := strings.Cut(l, " ")
		return slices.ContainsFunc(names, func(n string) bool { return n == "package" || named(n, what) })
	})
	if len(info.Lacking) == 0 || !asked {
		return nil
	}
	var have []string
	for _, d := range info.Domains {
		have = append(have, strconv.Quote(d.Name))
	}
	remedy := "or name what is to be measured instead: domains = [" + strings.Join(have, ", ") + "]"
	if info.Remedy != "" {
		remedy = info.Remedy + "; " + remedy
	} else {
		remedy = strings.TrimPrefix(remedy, "or ")
	}
	return closed(info.Source, "its total would lack a part: "+strings.Join(info.Lacking, "; "), remedy)
}
