package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/words"
)

// progress shows how far a run is. It is a writer too: what is logged while
// a bar is drawn must go through it.
type progress interface {
	io.Writer
	// start says how many trials or energy windows come. They are mixed if
	// how long those took that are done tells how long the others will take.
	start(what string, n int, mixed bool)
	done(step)
	fewer(n int) // will be run than was said
	stop()
}

// step is a trial or an energy window that has ended.
type step struct {
	kind         string // trial, window
	n, block     int
	cell         experiment.Cell
	outcome, bad string
}

func trialStep(t *results.Trial) step {
	return step{kind: "trial", n: t.Trial, block: t.Block, cell: t.Cell(), outcome: string(t.Outcome)}
}

func windowStep(w *results.EnergyWindow) step {
	s := step{kind: "window", n: w.Window, block: w.Block, cell: w.Cell, outcome: "valid", bad: w.Invalid}
	if w.Invalid != "" {
		s.outcome = "invalid"
	}
	return s
}

// place says where in a run that was.
func (s step) place() string {
	return fmt.Sprintf("%.24s on %s, %s", printable(s.cell.Function), printable(s.cell.Backend), s.cell.Start)
}

// newProgress writes to w what is harmless on a terminal, except that a bar is
// drawn with escapes of its own, and that lines of JSON are data.
func newProgress(kind string, w *words.Terminal) (progress, error) {
	raw := w.Unwrap()
	if kind == "auto" {
		kind = "plain"
		if isTerminal(w) {
			kind = "bar"
		}
	}
	switch kind {
	case "bar":
		return &barProgress{out: raw, to: raw}, nil
	case "plain":
		return &plainProgress{Writer: colourful(w)}, nil
	case "json":
		return &jsonProgress{Writer: raw}, nil
	case "none":
		return noProgress{colourful(w)}, nil
	}
	return nil, fmt.Errorf("unknown --progress %q: it is auto, bar, plain, json or none", kind)
}

// colourful is where text goes that was made harmless before it was coloured:
// colours are escapes too, which the way to a terminal would not let through.
func colourful(w *words.Terminal) io.Writer {
	if isTerminal(w) {
		return w.Unwrap()
	}
	return w
}

func isTerminal(w io.Writer) bool {
	if t, ok := w.(*words.Terminal); ok {
		w = t.Unwrap()
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

type noProgress struct{ io.Writer }

func (noProgress) start(string, int, bool) {}
func (noProgress) done(step)               {}
func (noProgress) fewer(int)               {}
func (noProgress) stop()                   {}

// barProgress draws a bar on a terminal. Its own goroutine reads what the run
// and the signal handler write.
type barProgress struct {
	out  io.Writer
	pool *mpb.Progress
	bar  *mpb.Bar
	all  int64

	mu   sync.Mutex
	to   io.Writer // out, or the pool while there is a bar
	last string
}

func (p *barProgress) Write(b []byte) (int, error) {
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	return to.Write(b)
}

func (p *barProgress) start(what string, n int, mixed bool) {
	var left []decor.Decorator
	if mixed {
		left = append(left, decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left  "))
	}
	p.pool = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(40))
	p.set(p.pool, "")
	p.all = int64(n)
	p.bar = p.pool.AddBar(0, // whose total may change
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d "+what+" ")),
		mpb.AppendDecorators(append(left, decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.last
		}))...))
	p.bar.SetTotal(p.all, false)
}

func (p *barProgress) set(to io.Writer, last string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to, p.last = to, last
}

func (p *barProgress) done(s step) {
	p.set(p.pool, s.place())
	p.bar.Increment()
}

func (p *barProgress) fewer(n int) {
	p.all -= int64(n)
	p.bar.SetTotal(p.all, false)
}

func (p *barProgress) stop() {
	p.set(p.out, "")
	p.bar.Abort(false) // no effect on a complete bar
	p.pool.Wait()
}

// plainProgress writes a line now and then, for logs.
type plainProgress struct {
	io.Writer
	what        string
	began, said time.Time
	ended, all  int
	mixed       bool
}

const plainEvery = 10 * time.Second

func (p *plainProgress) start(what string, n int, mixed bool) {
	p.what, p.ended, p.all, p.mixed, p.began = what, 0, n, mixed, time.Now()
	p.said = p.began
}

func (p *plainProgress) done(s step) {
	p.ended++
	now := time.Now()
	if now.Sub(p.said) < plainEvery {
		return
	}
	p.said = now
	where := s.place()
	if p.mixed {
		where = fmt.Sprintf("about %s left", timeLeft(p.began, now, p.ended, p.all))
	}
	fmt.Fprintf(p, "%d/%d %s, %s\n", p.ended, p.all, p.what, where)
}

func (p *plainProgress) fewer(n int) { p.all -= n }

func (p *plainProgress) stop() {
	fmt.Fprintf(p, "%d/%d %s in %s\n", p.ended, p.all, p.what, time.Since(p.began).Round(time.Second))
}

func timeLeft(began, now time.Time, done, all int) time.Duration {
	return (now.Sub(began) / time.Duration(done) * time.Duration(all-done)).Round(time.Second)
}

// jsonProgress writes one line per trial and per energy window, for programs.
type jsonProgress struct {
	io.Writer
	what       string
	began      time.Time
	ended, all int
	mixed      bool
}

func (p *jsonProgress) start(what string, n int, mixed bool) {
	p.what, p.ended, p.all, p.mixed, p.began = strings.TrimPrefix(what, "energy "), 0, n, mixed, time.Now()
}

func (p *jsonProgress) done(s step) {
	p.ended++
	line := map[string]any{
		"done": p.ended, p.what: p.all,
		s.kind: s.n, "block": s.block, "cell": s.cell.String(), "outcome": s.outcome,
	}
	if p.mixed {
		line["left_s"] = timeLeft(p.began, time.Now(), p.ended, p.all).Seconds()
	}
	if s.bad != "" {
		line["invalid"] = s.bad
	}
	if b, err := json.Marshal(line); err == nil {
		p.Write(append(b, '\n'))
	}
}

func (p *jsonProgress) fewer(n int) { p.all -= n }

func (p *jsonProgress) stop() {}
