package backends

import (
	"maps"
	"strings"
	"testing"
)

func TestOwner(t *testing.T) {
	o := NewOwner("run")
	back, err := OwnerFromLabels(o.Labels())
	if err != nil || back != o {
		t.Fatalf("read back %+v, %v", back, err)
	}
	if fate, why := o.Fate(); fate != Lives {
		t.Errorf("this very process: fate %d, %s", fate, why)
	}
	if o.Machine == "" {
		t.Skip("this machine has no id")
	}
	if machineID() == o.Machine || strings.Contains(o.Machine, machineID()) {
		t.Error("the machine's id is shown")
	}
	for _, tt := range []struct {
		name   string
		change func(*Owner)
		want   Fate
	}{
		{"another process with its pid", func(o *Owner) { o.Started++ }, Gone},
		{"no such process", func(o *Owner) { o.PID = 1 << 30 }, Gone},
		{"no such process, start unknown", func(o *Owner) { o.Started, o.PID = 0, 1<<30 }, Gone},
		{"there, start unknown", func(o *Owner) { o.Started = 0 }, Unknown},
		{"an earlier boot of this machine", func(o *Owner) { o.Boot = "earlier" }, Gone},
		{"another machine of this host's name", func(o *Owner) { o.Boot, o.Machine = "other", machineDigest("other", o.Host) }, Unknown},
		{"another machine with a copy of the id", func(o *Owner) { o.Boot, o.Machine = "other", machineDigest(machineID(), "other") }, Unknown},
		{"a machine without an id", func(o *Owner) { o.Boot, o.Machine = "other", "" }, Unknown},
		{"another host", func(o *Owner) { o.Boot, o.Machine, o.Host, o.PID = "other", "", "elsewhere", 1<<30 }, Unknown},
		{"every process of a group", func(o *Owner) { o.PID = 0 }, Unknown},
		{"every process there is", func(o *Owner) { o.PID = -1 }, Unknown},
		{"nothing at all", func(o *Owner) { *o = Owner{} }, Unknown},
	} {
		other := o
		tt.change(&other)
		fate, why := other.Fate()
		if bootID() == "" && other.Boot != o.Boot {
			continue // boots are told apart on Linux alone
		}
		if fate != tt.want || (fate == Unknown) != (why != "") {
			t.Errorf("%s: fate %d, want %d; %q", tt.name, fate, tt.want, why)
		}
		if other.Gone() != (tt.want == Gone) {
			t.Errorf("%s: gone: %v", tt.name, other.Gone())
		}
	}
	if o.Boot == "" {
		return
	}
	if o.Boot = ""; o.Gone() {
		t.Error("a living process that could not read its boot is gone")
	}
}

// What a user declares dead is removed where nothing can be known, and never
// where the owner is seen to live.
func TestAbandoned(t *testing.T) {
	lives, unknown, gone := NewOwner("r1"), NewOwner("r1"), NewOwner("r1")
	unknown.Boot, unknown.Machine = "other", "other"
	gone.PID = 1 << 30
	for _, tt := range []struct {
		name     string
		owner    Owner
		declared []string
		want     bool
		why      string
	}{
		{"lives", lives, nil, false, "goes on"},
		{"lives, declared", lives, []string{"r1"}, false, "goes on"},
		{"unknown", unknown, nil, false, "nebula clean --force-owner r1"},
		{"unknown, another declared", unknown, []string{"r2"}, false, "nebula clean --force-owner r1"},
		{"unknown, declared", unknown, []string{"r2", "r1"}, true, ""},
		{"gone", gone, nil, true, ""},
	} {
		got, why := tt.owner.Abandoned(tt.declared)
		if got != tt.want || !strings.Contains(why, tt.why) || got != (why == "") {
			t.Errorf("%s: %v, %q", tt.name, got, why)
		}
	}
}

// Labels of older versions stay readable, and what is not one of ours is told
// apart.
func TestOwnerFromLabels(t *testing.T) {
	o := NewOwner("r")
	old := o.Labels()
	delete(old, LabelMachine)
	delete(old, LabelNamespace)
	back, err := OwnerFromLabels(old)
	if err != nil || back.PID != o.PID || back.Machine != "" {
		t.Fatalf("an older version's: %+v, %v", back, err)
	}
	if back.Gone() {
		t.Error("this very process, by an older version's labels, is said to be gone")
	}
	for name, change := range map[string]func(map[string]string){
		"no owner":           func(l map[string]string) { delete(l, LabelPID) },
		"pid is no number":   func(l map[string]string) { l[LabelPID] = "x" },
		"start is no number": func(l map[string]string) { l[LabelStarted] = "-1" },
		"nothing but a run":  func(l map[string]string) { clear(l); l[LabelRun] = "true" },
	} {
		l := maps.Clone(o.Labels())
		change(l)
		if got, err := OwnerFromLabels(l); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
