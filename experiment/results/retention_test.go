package results

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var night = time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)

// stored writes a run that started so many days before night.
func stored(t *testing.T, out, experiment string, days int, state State) *Folder {
	t.Helper()
	started := night.AddDate(0, 0, -days)
	dir := Dir(out, experiment, started.Format("20060102T150405Z")+"-0000")
	p := plan(t)
	p.Experiment = experiment
	w, err := Create(dir, p, &Run{ID: filepath.Base(dir), Experiment: experiment, Started: started, State: state})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(record(1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ages gives what would be removed, as experiment and days.
func ages(t *testing.T, r Retention, out string) (got []string) {
	t.Helper()
	old, bad := r.Old(out, night)
	if len(bad) > 0 {
		t.Error(bad)
	}
	for _, f := range old {
		got = append(got, f.Run.Experiment+night.Sub(f.Run.Started).Truncate(24*time.Hour).String())
	}
	slices.Sort(got)
	return got
}

func TestRetention(t *testing.T) {
	out := t.TempDir()
	const day = 24 * time.Hour
	for _, d := range []int{0, 10, 20, 30} {
		stored(t, out, "a", d, Complete)
	}
	if err := SetBaseline(out, stored(t, out, "a", 40, Complete)); err != nil {
		t.Fatal(err)
	}
	stored(t, out, "b", 50, Complete) // the only complete one
	for _, s := range []State{Running, Interrupted, Broken} {
		stored(t, out, "b", 60+len(s), s)
	}
	going, err := Resume(stored(t, out, "b", 80, Running).Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer going.Close()

	for _, test := range []struct {
		Retention
		want string
	}{
		{Retention{}, ""},
		{Retention{Age: 90 * day}, ""},
		{Retention{Age: 15 * day}, "a480h0m0s a720h0m0s"},
		{Retention{Age: 10 * day}, "a240h0m0s a480h0m0s a720h0m0s"},
		{Retention{Age: 10*day + 1}, "a480h0m0s a720h0m0s"},
		{Retention{Runs: 1}, "a240h0m0s a480h0m0s a720h0m0s"},
		{Retention{Runs: 3}, "a720h0m0s"},
		{Retention{Age: 15 * day, Runs: 3}, "a720h0m0s"},
		{Retention{Age: 25 * day, Runs: 1}, "a720h0m0s"},
		{Retention{Age: 25 * day, Interrupted: true}, "a720h0m0s b1584h0m0s b1608h0m0s b1704h0m0s"},
		{Retention{Age: 67 * day, Interrupted: true}, "b1608h0m0s b1704h0m0s"},
	} {
		if d := cmp.Diff(strings.Fields(test.want), strings.Fields(strings.Join(ages(t, test.Retention, out), " "))); d != "" {
			t.Errorf("%+v:\n%s", test.Retention, d)
		}
	}
}

// TestRetentionOfConfirmations: a night that was confirmed by a run of some
// of its cells is still the newest.
func TestRetentionOfConfirmations(t *testing.T) {
	out := t.TempDir()
	for _, d := range []int{5, 4, 2} {
		stored(t, out, "a", d, Complete)
	}
	for _, d := range []int{3, 1} {
		f := stored(t, out, "a", d, Complete)
		f.Run.Asked.Only = []string{"f/*/*/*"}
		w, err := Resume(f.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Update(&f.Run); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	if d := cmp.Diff([]string{"a120h0m0s", "a72h0m0s", "a96h0m0s"}, ages(t, Retention{Runs: 1}, out)); d != "" {
		t.Error(d)
	}
}

// TestRetentionKeepsStrangers: what is not plainly a run of ours stays.
func TestRetentionKeepsStrangers(t *testing.T) {
	out, elsewhere := t.TempDir(), t.TempDir()
	stored(t, out, "a", 0, Complete)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// A run that is reached by a link, and an experiment that is.
	far := stored(t, elsewhere, "a", 90, Complete)
	must(os.Symlink(far.Dir, Dir(out, "a", far.Run.ID)))
	must(os.Symlink(filepath.Join(elsewhere, "runs", "a"), filepath.Join(out, "runs", "linked")))
	// One that was put there under another name, one of another experiment,
	// one without a plan, one whose plan is a link, one that can't be read.
	renamed := stored(t, out, "a", 91, Complete)
	must(os.Rename(renamed.Dir, renamed.Dir+"-copy"))
	moved := stored(t, out, "moved", 92, Complete)
	must(os.Rename(moved.Dir, Dir(out, "a", moved.Run.ID)))
	must(os.Remove(filepath.Join(stored(t, out, "a", 93, Complete).Dir, PlanFile)))
	linked := stored(t, out, "a", 94, Complete)
	must(os.Rename(filepath.Join(linked.Dir, PlanFile), filepath.Join(elsewhere, PlanFile)))
	must(os.Symlink(filepath.Join(elsewhere, PlanFile), filepath.Join(linked.Dir, PlanFile)))
	must(os.MkdirAll(filepath.Join(out, "runs", "a", "notes"), 0o755))

	r := Retention{Age: time.Hour}
	if got := ages(t, r, out); len(got) > 0 {
		t.Errorf("would remove %v", got)
	}
	torn := stored(t, out, "a", 95, Complete)
	must(os.WriteFile(filepath.Join(torn.Dir, RunFile), []byte("{"), 0o644))
	if old, bad := r.Old(out, night); len(old) != 0 || len(bad) != 1 {
		t.Errorf("beside a run that can't be read: %v, %v", old, bad)
	}
	// Without knowing the baseline, nothing of its experiment goes.
	stored(t, out, "a", 96, Complete)
	must(os.WriteFile(Dir(out, "a", BaselineFile), []byte("a/b\n"), 0o644))
	if old, bad := r.Old(out, night); len(old) != 0 || len(bad) != 1 {
		t.Errorf("without a readable baseline: %v, %v", old, bad)
	}
}

func TestRemove(t *testing.T) {
	out, elsewhere := t.TempDir(), t.TempDir()
	keep := filepath.Join(elsewhere, "keep")
	if err := os.WriteFile(keep, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, state := range []State{Complete, Interrupted} {
		f := stored(t, out, "a", 1, state)
		if err := os.Symlink(elsewhere, filepath.Join(f.Dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(f.Dir); !os.IsNotExist(err) {
			t.Errorf("a %s run is still there: %v", state, err)
		}
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error("a link was followed:", err)
	}

	f := stored(t, out, "a", 2, Running)
	w, err := Resume(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err == nil {
		t.Error("a run that goes on was removed")
	}
	if err := w.Update(&Run{ID: f.Run.ID, Experiment: "a", State: Complete}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := f.Remove(); err == nil {
		t.Error("a run that was completed meanwhile was removed")
	}
	if _, err := Open(f.Dir); err != nil {
		t.Error(err)
	}
}

func TestBaseline(t *testing.T) {
	out := t.TempDir()
	first, second := stored(t, out, "a", 2, Complete), stored(t, out, "a", 1, Complete)
	other := stored(t, out, "b[1]", 3, Complete)
	find := func(name, want string) {
		t.Helper()
		f, err := Find(out, name)
		if got := "error"; err == nil {
			got = f.Run.ID
			if got != want {
				t.Errorf("Find(%q) gives run %s", name, got)
			}
		} else if want != got {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
	find("baseline", "error")
	for _, f := range []*Folder{first, second} {
		if err := SetBaseline(out, f); err != nil {
			t.Fatal(err)
		}
		find("baseline", f.Run.ID)
		find("a/baseline", f.Run.ID)
	}
	find("b[1]/baseline", "error")
	if err := SetBaseline(out, other); err != nil {
		t.Fatal(err)
	}
	find("baseline", "error") // of which?
	find("b[1]/baseline", other.Run.ID)
	find("b[1]/latest", other.Run.ID)
	find("a/latest", second.Run.ID)
	find("c/latest", "error")
	if err := SetBaseline(out, stored(t, out, "a", 4, Broken)); err == nil {
		t.Error("a broken run became the baseline")
	}
	if err := SetBaseline(out, stored(t, t.TempDir(), "a", 5, Complete)); err == nil {
		t.Error("a run from elsewhere became the baseline")
	}
	if err := second.Remove(); err != nil {
		t.Fatal(err)
	}
	find("a/baseline", "error")
}
