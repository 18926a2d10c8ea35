package results

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// began writes a complete run of x, changed as the caller likes.
func began(t *testing.T, out, id string, at time.Time, change func(*Run)) *Folder {
	t.Helper()
	dir := Dir(out, "x", id)
	w := write(t, dir, 1)
	run := &Run{
		ID: id, Experiment: "x", Started: at, State: Complete,
		Host:      Host{Name: "bench", OS: "debian 13, linux/amd64", CPU: "a processor", Cores: 2, Kernel: "6.12"},
		Variables: map[string]string{"mode": "compiler", "n": "1"},
		Resolved:  []byte(`{"Functions":[{"Name":"f","Inputs":[{"Name":"i","Stdin":"1"}]}],"Backends":[{"Type":"wazero","Label":"w","Starts":["cold"]}],"Matrix":{"Exclude":[{"Input":["j"],"Where":"x.hcl:3"}]},"Run":{"Seed":1}}`),
		Command:   []string{"nebula", "run", "x.hcl"},
	}
	if change != nil {
		change(run)
	}
	if err := errors.Join(w.Update(run), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLatestIsTheNewestStart: of runs that began within one second the ids
// tell nothing, and a run that confirmed another is no answer.
func TestLatestIsTheNewestStart(t *testing.T) {
	out := t.TempDir()
	began(t, out, "20261122T023000Z-ffff", night.Add(100*time.Millisecond), nil)
	began(t, out, "20261122T023000Z-0000", night.Add(900*time.Millisecond), func(r *Run) { r.Asked.Quick = true })
	began(t, out, "20261122T023000Z-8888", night.Add(500*time.Millisecond), nil)
	cell := plan(t).Cells[0].String()
	began(t, out, "20261122T023100Z-0001", night.Add(time.Minute), func(r *Run) {
		r.Confirms, r.Asked.Only = "20261122T023000Z-0000", []string{cell}
	})
	for _, name := range []string{"latest", "x/latest"} {
		if f, err := Find(out, name); err != nil || f.Run.ID != "20261122T023000Z-0000" {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	runs, _ := List(out)
	var ids []string
	for _, f := range runs {
		ids = append(ids, f.Run.ID[len(f.Run.ID)-4:])
	}
	if d := cmp.Diff([]string{"ffff", "8888", "0000", "0001"}, ids); d != "" {
		t.Error(d)
	}
	alone := t.TempDir()
	began(t, alone, "20261122T023100Z-0001", night, func(r *Run) { r.Confirms = "another" })
	if _, err := Find(alone, "latest"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "but for those that only confirmed another") {
		t.Errorf("of a confirmation alone: %v", err)
	}
}

// TestConfirmingBeforeItWasWritten: older folders tell by their command that
// nobody asked for these cells.
func TestConfirmingBeforeItWasWritten(t *testing.T) {
	cell := plan(t).Cells[0].String()
	for i, tt := range []struct {
		command []string
		only    []string
		want    bool
	}{
		{[]string{"run", "--baseline", "latest", "--confirm", "x.hcl"}, []string{cell}, true},
		{[]string{"run", "--baseline", "latest", "--confirm", "x.hcl"}, nil, false},             // the night itself
		{[]string{"run", "--confirm", "--only", cell, "x.hcl"}, []string{cell}, false},          // asked for
		{[]string{"run", "--confirm", "--only=" + cell, "x.hcl"}, []string{cell}, false},        // likewise
		{[]string{"run", "--confirm", "x.hcl"}, []string{"fib*/*/*/*"}, false},                  // a pattern, from the environment
		{[]string{"run", "--only", cell, "x.hcl"}, []string{cell}, false},                       // a partial run
		{[]string{"run", "--confirm=false", "--baseline", "a", "x.hcl"}, []string{cell}, false}, // not asked to
	} {
		f := began(t, t.TempDir(), fmt.Sprintf("20261122T023100Z-%04d", i), night, func(r *Run) {
			r.Command, r.Asked.Only = append([]string{"nebula"}, tt.command...), tt.only
		})
		if got := f.Confirming(); got != tt.want {
			t.Errorf("%q of %q: %v", tt.command, tt.only, got)
		}
	}
}

// TestPredecessor: only a complete run of the same machine, variables and
// matrix is held against the next without being named.
func TestPredecessor(t *testing.T) {
	type change = func(*Run)
	replace := func(old, new string) change {
		return func(r *Run) { r.Resolved = []byte(strings.Replace(string(r.Resolved), old, new, 1)) }
	}
	cell := plan(t).Cells[0].String()
	for _, tt := range []struct {
		name   string
		change change
		apart  []string // nil: it is the one
	}{
		{"the same", nil, nil},
		{"a kernel's update", func(r *Run) { r.Host.Kernel, r.Host.OS = "6.13", "debian 14, linux/amd64" }, nil},
		{"a system whose name holds a comma", func(r *Run) { r.Host.OS = "Some, System 14, linux/amd64" }, nil},
		{"a processor without a name", func(r *Run) { r.Host.CPU = "" }, []string{"another machine (bench, an unknown processor, 2 cores, linux/amd64)"}},
		{"more memory, another governor", func(r *Run) { r.Host.Memory, r.Host.Governor = 8<<30, "performance" }, nil},
		{"where a rule stands", replace("x.hcl:3", "x.hcl:4"), nil},
		{"another seed", replace(`"Seed":1`, `"Seed":2`), nil},
		{"more repetitions", func(r *Run) { r.Asked.Repetitions = 50 }, nil},
		{"another name", func(r *Run) { r.Host.Name = "laptop" }, []string{"another machine (laptop, a processor, 2 cores, linux/amd64)"}},
		{"another processor", func(r *Run) { r.Host.CPU = "b" }, []string{"another machine (bench, b, 2 cores, linux/amd64)"}},
		{"more cores", func(r *Run) { r.Host.Cores = 4 }, []string{"another machine (bench, a processor, 4 cores, linux/amd64)"}},
		{"another architecture", func(r *Run) { r.Host.OS = "debian 13, linux/arm64" }, []string{"another machine (bench, a processor, 2 cores, linux/arm64)"}},
		{"another variable", func(r *Run) { r.Variables = map[string]string{"mode": "interpreter", "n": "1"} }, []string{"other variables (mode = interpreter)"}},
		{"no variables", func(r *Run) { r.Variables = nil }, []string{"other variables (fewer of them)"}},
		{"another input", replace(`"Name":"i"`, `"Name":"k"`), []string{"another matrix, --only or --quick"}},
		{"another backend", replace(`"Label":"w"`, `"Label":"v"`), []string{"another matrix, --only or --quick"}},
		{"another start", replace(`["cold"]`, `null`), []string{"another matrix, --only or --quick"}},
		{"another rule", replace(`["j"]`, `["l"]`), []string{"another matrix, --only or --quick"}},
		{"quick", func(r *Run) { r.Asked.Quick = true }, []string{"another matrix, --only or --quick"}},
		{"partial", func(r *Run) { r.Asked.Only = []string{cell} }, []string{"another matrix, --only or --quick"}},
	} {
		out := t.TempDir()
		run := began(t, out, "20261122T023100Z-0001", night, tt.change)
		coming := began(t, t.TempDir(), "20261123T023100Z-0001", night.AddDate(0, 0, 1), nil).Run.Identity()
		found, other := Predecessor(out, "x", coming)
		if (found != nil) != (tt.apart == nil) || (other != nil) != (tt.apart != nil) {
			t.Errorf("%s: found %v, other %v", tt.name, found, other)
		}
		if d := cmp.Diff(tt.apart, run.Run.Identity().Apart(coming)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}

	out := t.TempDir()
	old := began(t, out, "20261120T023100Z-0001", night.AddDate(0, 0, -2), nil)
	began(t, out, "20261121T023100Z-0001", night.AddDate(0, 0, -1), func(r *Run) { r.State = Interrupted })
	began(t, out, "20261121T033100Z-0001", night.AddDate(0, 0, -1).Add(time.Hour), func(r *Run) { r.Confirms = old.Run.ID })
	if found, _ := Predecessor(out, "x", old.Run.Identity()); found == nil || found.Run.ID != old.Run.ID {
		t.Errorf("behind runs that do not count: %v", found)
	}
	if found, other := Predecessor(out, "y", old.Run.Identity()); found != nil || other != nil {
		t.Errorf("of another experiment: %v, %v", found, other)
	}
}
