// Package experiment holds the words of Nebula as types: an experiment with
// its functions, inputs and backends, the plan that follows from it, the
// events of a trial and the metrics between them.
//
// It is pure. It reads no file, no clock and no environment, and it knows no
// engine: the same experiment always gives the same plan, byte for byte.
package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Experiment is one HCL file, decoded and validated.
type Experiment struct {
	Name        string
	Description string
	File        string // as the user named it
	Source      []byte // the file's bytes, for the report
	Variables   map[string]string
	Functions   []Function
	Backends    []Backend
	Matrix      Matrix
	Run         Run
	Energy      Energy
	References  []Reference `json:",omitempty"`
	Thresholds  []Threshold `json:",omitempty"`
	// Files are those that the experiment reads beside its functions, as the
	// file names them: whoever wants the experiment needs them too.
	Files []string `json:"-"`
}

// Resolved gives the experiment with every expression worked out, as JSON.
// In place of what is long, or not text, it gives the digest: that is data and
// not a description.
func (x *Experiment) Resolved() (json.RawMessage, error) {
	out := *x
	out.Source, out.File = nil, "" // stand beside it
	out.Functions = slices.Clone(x.Functions)
	known := digests{}
	for i, f := range out.Functions {
		f.Inputs = known.briefly(f.Inputs)
		out.Functions[i] = f
	}
	return json.Marshal(out)
}

// digests are what stands for texts, by where these lie in memory: many inputs
// may share one that is as large as a request can be.
type digests map[textAt]string

type textAt struct {
	first *byte
	len   int
}

// briefly gives inputs in which a digest stands for whatever is long or not
// text.
func (d digests) briefly(inputs []Input) []Input {
	inputs = slices.Clone(inputs)
	for i := range inputs {
		in := &inputs[i]
		in.Stdin = d.brief(in.Stdin)
		if in.Expect != nil && in.Expect.Text != nil {
			e, text := *in.Expect, d.brief(*in.Expect.Text)
			e.Text = &text
			in.Expect = &e
		}
	}
	return inputs
}

func (d digests) brief(s string) string {
	// JSON would turn all bytes that are not text into one character.
	if len(s) <= 4096 && utf8.ValidString(s) {
		return s
	}
	at := textAt{unsafe.StringData(s), len(s)}
	digest, ok := d[at]
	if !ok {
		h := sha256.New()
		_, _ = io.WriteString(h, s) // a hash takes everything
		digest = fmt.Sprintf("sha256:%x, %d bytes", h.Sum(nil), len(s))
		d[at] = digest
	}
	return digest
}

// Function is the workload: one source, buildable for several backends.
type Function struct {
	Name     string
	Source   string // path as written in the file; empty for a ready image
	Path     string // Source made absolute against the file's folder
	Language string // go, c, rust; empty: whatever the folder holds
	Image    string // reference of a ready image, instead of a source
	Inputs   []Input
	// BuildArgs are the values of ARG in the source's Dockerfile.
	BuildArgs map[string]string `json:",omitempty"`
	// Mounts are folders that the function may read, by where it finds them:
	// /data → a path on this machine. Nothing else of the machine is granted.
	Mounts map[string]string `json:",omitempty"`
	// Mounted is what the file says of Mounts: /data → ./fixtures.
	Mounted map[string]string `json:",omitempty"`
}

// Input is what one invocation of a function gets, and what it must answer.
type Input struct {
	Name   string
	Stdin  string // any bytes
	Args   []string
	Env    map[string]string
	Expect *Expect // nil: any answer will do
}

// Expect is what an answer must be: every field that is set must hold.
type Expect struct {
	Text   *string `json:",omitempty"` // one newline at the end is not counted, on either side
	Regex  string  `json:",omitempty"` // RE2; must match somewhere in the answer
	SHA256 string  `json:",omitempty"` // of the answer's bytes, in lower-case hexadecimal
}

// ExpectText expects an answer to be a text.
func ExpectText(text string) *Expect { return &Expect{Text: &text} }

// Answers reports whether the function's answer is the expected one.
func (i Input) Answers(answer []byte) bool {
	e := i.Expect
	if e == nil {
		return true
	}
	if e.Text != nil && strings.TrimSuffix(*e.Text, "\n") != strings.TrimSuffix(string(answer), "\n") {
		return false
	}
	if e.Regex != "" {
		// The loader has compiled it before; one that does not compile matches nothing.
		if ok, err := regexp.Match(e.Regex, answer); err != nil || !ok {
			return false
		}
	}
	if e.SHA256 != "" {
		sum := sha256.Sum256(answer)
		return hex.EncodeToString(sum[:]) == e.SHA256
	}
	return true
}

// Backend is one place to run functions, with its own settings.
type Backend struct {
	Type    string  // wazero, docker
	Label   string  // the user's name for it
	Starts  []Start // what the file asks for; empty: every start it has
	Options any     // the type's own settings, a backends.Options
	// ControlOf is the name of the backend of which this one is a second
	// copy, made to show how often two equal things seem to differ; empty
	// for every other backend.
	ControlOf string
}

// Name is how cells, records and reports call the backend: docker.alpine.
func (b Backend) Name() string { return b.Type + "." + b.Label }

// Start is how warm the backend is when the request arrives.
type Start string

// The starts, from coldest to warmest.
const (
	Cold     Start = "cold"     // nothing is ready but the files: compile, or create the container
	Cached   Start = "cached"   // compiled code is on disk
	Prepared Start = "prepared" // compiled in memory, or container created
	Warm     Start = "warm"     // a live instance answers
)

// Starts lists every start from coldest to warmest.
var Starts = []Start{Cold, Cached, Prepared, Warm}

// Order says how a run walks through its cells.
type Order string

// The orders.
const (
	Shuffled    Order = "shuffled"    // every block has its own random order
	Interleaved Order = "interleaved" // every block in the file's order
	Sequential  Order = "sequential"  // all trials of a cell, then the next cell
)

// Orders lists every order.
var Orders = []Order{Shuffled, Interleaved, Sequential}

// Run says how often and in which order.
type Run struct {
	Repetitions int
	Warmup      int // trials of each cell that are recorded but not counted
	Order       Order
	Seed        uint64
	Timeout     time.Duration // of one trial
	Pause       time.Duration // before each trial, the same for all cells
	Until       *Until        // nil: every cell has all its repetitions
	Where       string        `json:"-"` // what says how often: file:line, or a flag
}

// MaxRepetitions is the most trials of a cell. Nobody waits for more, and a
// median's interval does not get narrower than a clock's step.
const MaxRepetitions = 1_000_000

// MaxTime is the longest time that an experiment may name, or a record hold.
// Sums of such times still fit.
const MaxTime = 10 * 366 * 24 * time.Hour

// Until stops a cell when it is known well enough. It is looked at between
// blocks only, and never asks whether a difference is significant.
type Until struct {
	// RelativeError is half the width of the median's interval over the
	// median, 0.02 for ±2 %, which every one of Metrics must reach.
	RelativeError float64       `json:"relative_error"`
	Metrics       []string      `json:"metrics"`
	Min           int           `json:"min_repetitions"`
	Max           int           `json:"max_repetitions"`
	MaxTime       time.Duration `json:"max_time_ns,omitempty"` // of the whole run; 0: none
}

// DefaultRun is what an experiment without a run block gets.
func DefaultRun() Run {
	return Run{Repetitions: 30, Warmup: 1, Order: Shuffled, Seed: 1, Timeout: 30 * time.Second}
}

// Matrix narrows "everything with everything". With Include rules, only
// cells that match one of them stay; then Exclude rules take cells away.
type Matrix struct {
	Include, Exclude []Rule
}

// Rule matches cells by patterns in which * stands for anything. A list
// matches when one of its patterns does; an empty list matches everything.
type Rule struct {
	Function, Input, Backend, Start []string
	Where                           string // file:line, for reasons
}

// Matches reports whether the rule speaks of the cell.
func (r Rule) Matches(c Cell) bool {
	return matchesOne(r.Function, c.Function) && matchesOne(r.Input, c.Input) &&
		matchesOne(r.Backend, c.Backend) && matchesOne(r.Start, string(c.Start))
}

func matchesOne(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return Match(p, name) })
}

// Match reports whether name fits pattern, in which * stands for any text
// and every other character for itself.
func Match(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, p := range parts[:len(parts)-1] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return strings.HasSuffix(name, last)
}

// Cell is one combination: function × input × backend × start.
type Cell struct {
	Function string `json:"function"`
	Input    string `json:"input"`
	Backend  string `json:"backend"`
	Start    Start  `json:"start"`
}

// String is the name that --only matches: fibonacci/n=10/wazero.wasm/cold.
func (c Cell) String() string {
	return fmt.Sprintf("%s/%s/%s/%s", c.Function, c.Input, c.Backend, c.Start)
}

// Outcome is how a trial ended. Only OK trials enter statistics.
type Outcome string

// The outcomes: a closed list.
const (
	OK           Outcome = "ok"
	WrongOutput  Outcome = "wrong_output"  // it answered something else than expected
	Failed       Outcome = "failed"        // exit code other than 0
	Timeout      Outcome = "timeout"       // stopped after the run's timeout
	OutOfMemory  Outcome = "out_of_memory" // stopped at its memory limit
	Contaminated Outcome = "contaminated"  // not as cold as its cell says
	BackendError Outcome = "backend_error" // the engine failed, not the function
	Interrupted  Outcome = "interrupted"   // the user stopped the run in this trial
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{OK, WrongOutput, Failed, Timeout, OutOfMemory, Contaminated, BackendError, Interrupted}

// Identity says what exactly ran: provenance.
type Identity struct {
	Kind      string `json:"kind"`                // module, image
	Digest    string `json:"digest"`              // of the artefact: sha256:…
	Size      int64  `json:"size_bytes"`          // of the artefact
	Source    string `json:"source,omitempty"`    // digest of what it was built from
	Toolchain string `json:"toolchain,omitempty"` // what built it
	// Compressed is the artefact's size as it would travel, gzip at its
	// default level; 0: not known.
	Compressed int64             `json:"compressed_bytes,omitempty"`
	Details    map[string]string `json:"details,omitempty"`
}
