package main

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// cmdStored writes a run that never happened: stored OUT ID CELL=SPEC…
// [KEY:VALUE…]. A cell is function/input/backend/start, and its SPEC the
// median of its startup, such as 10ms, with 3 % noise, or an outcome. Keys are
// governor, state and repetitions, and before and during, each with a finding
// that disturbs, as check=what was found.
func cmdStored(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || neg {
		ts.Fatalf("usage: stored out id cell=spec… key:value…")
	}
	out, id := ts.MkAbs(args[0]), args[1]
	plan := &experiment.Plan{Experiment: "stored", Order: experiment.Interleaved, Repetitions: 60, TimeoutNS: 1e9, LeftOut: []experiment.LeftOut{}}
	run := &results.Run{
		ID: id, Experiment: "stored", Started: time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC), State: results.Complete,
		Host: results.Host{CPU: "a processor", Cores: 2}, Sessions: []results.Session{{}},
	}
	var specs []string
	for _, arg := range args[2:] {
		if key, value, ok := strings.Cut(arg, ":"); ok {
			switch key {
			case "governor":
				run.Host.Governor = value
			case "before", "during":
				check, found, _ := strings.Cut(value, "=")
				f := experiment.Finding{Check: check, Severity: experiment.Disturbing, Found: found}
				at := &run.Sessions[0].Before
				if key == "during" {
					at = &run.Sessions[0].During
				}
				*at = append(*at, f)
			case "state":
				run.State = results.State(value)
			case "repetitions":
				n, err := strconv.Atoi(value)
				ts.Check(err)
				plan.Repetitions = n
			default:
				ts.Fatalf("unknown key %s", key)
			}
			continue
		}
		i := strings.LastIndexByte(arg, '=')
		parts := strings.Split(arg[:i], "/")
		if len(parts) != 4 {
			ts.Fatalf("%s is no cell", arg)
		}
		plan.Cells = append(plan.Cells, experiment.Cell{Function: parts[0], Input: parts[1], Backend: parts[2], Start: experiment.Start(parts[3])})
		specs = append(specs, arg[i+1:])
	}
	w, err := results.Create(results.Dir(out, "stored", id), plan, run)
	ts.Check(err)
	rng := rand.New(rand.NewPCG(uint64(len(id)), uint64(id[len(id)-1])))
	for p := range plan.Trials() {
		c := plan.Cells[p.Cell]
		t := &results.Trial{
			Trial: p.Trial, Block: p.Block, Attempt: 1, Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start,
			Outcome: experiment.OK, At: experiment.NewStamps(), Requested: run.Started,
		}
		t.At.Set(experiment.Requested, 0)
		if d, err := time.ParseDuration(specs[p.Cell]); err == nil {
			t.At.Set(experiment.Ready, int64(float64(d)*(1+0.03*rng.NormFloat64())))
		} else {
			t.Outcome = experiment.Outcome(specs[p.Cell])
		}
		ts.Check(w.Append(t))
	}
	ts.Check(w.Close())
}
