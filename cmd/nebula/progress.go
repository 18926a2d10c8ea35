package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/nebula-bench/nebula/experiment/results"
)

// progress shows how far a run is. It is a writer too: what is logged while
// a bar is drawn must go through it.
type progress interface {
	io.Writer
	start(trials int)
	trial(*results.Trial)
	fewer(trials int) // will be run than was said
	stop()
}

func newProgress(kind string, w io.Writer) (progress, error) {
	if kind == "auto" {
		kind = "plain"
		if isTerminal(w) {
			kind = "bar"
		}
	}
	switch kind {
	case "bar":
		return &barProgress{out: w, to: w}, nil
	case "plain":
		return &plainProgress{Writer: w}, nil
	case "json":
		return &jsonProgress{Writer: w}, nil
	case "none":
		return noProgress{w}, nil
	}
	return nil, fmt.Errorf("unknown --progress %q: it is auto, bar, plain, json or none", kind)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

type noProgress struct{ io.Writer }

func (noProgress) start(int)            {}
func (noProgress) trial(*results.Trial) {}
func (noProgress) fewer(int)            {}
func (noProgress) stop()                {}

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

func (p *barProgress) start(trials int) {
	p.pool = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(40))
	p.set(p.pool, "")
	p.all = int64(trials)
	p.bar = p.pool.AddBar(0, // whose total may change
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d trials ")),
		mpb.AppendDecorators(
			decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left  "),
			decor.Any(func(decor.Statistics) string {
				p.mu.Lock()
				defer p.mu.Unlock()
				return p.last
			}),
		))
	p.bar.SetTotal(p.all, false)
}

func (p *barProgress) set(to io.Writer, last string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to, p.last = to, last
}

func (p *barProgress) trial(t *results.Trial) {
	p.set(p.pool, fmt.Sprintf("%.24s on %s, %s", printable(t.Function), t.Backend, t.Start))
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
	began, said time.Time
	done, all   int
}

const plainEvery = 10 * time.Second

func (p *plainProgress) start(trials int) {
	p.all, p.began = trials, time.Now()
	p.said = p.began
}

func (p *plainProgress) trial(*results.Trial) {
	p.done++
	if now := time.Now(); now.Sub(p.said) >= plainEvery {
		p.said = now
		fmt.Fprintf(p, "%d/%d trials, about %s left\n", p.done, p.all, timeLeft(p.began, now, p.done, p.all))
	}
}

func (p *plainProgress) fewer(n int) { p.all -= n }

func (p *plainProgress) stop() {
	fmt.Fprintf(p, "%d/%d trials in %s\n", p.done, p.all, time.Since(p.began).Round(time.Second))
}

func timeLeft(began, now time.Time, done, all int) time.Duration {
	return (now.Sub(began) / time.Duration(done) * time.Duration(all-done)).Round(time.Second)
}

// jsonProgress writes one line per trial, for programs.
type jsonProgress struct {
	io.Writer
	began     time.Time
	done, all int
}

func (p *jsonProgress) start(trials int) { p.all, p.began = trials, time.Now() }

func (p *jsonProgress) trial(t *results.Trial) {
	p.done++
	b, err := json.Marshal(map[string]any{
		"done": p.done, "trials": p.all, "left_s": timeLeft(p.began, time.Now(), p.done, p.all).Seconds(),
		"trial": t.Trial, "block": t.Block, "cell": t.Cell().String(), "outcome": t.Outcome,
	})
	if err == nil {
		p.Write(append(b, '\n'))
	}
}

func (p *jsonProgress) fewer(n int) { p.all -= n }

func (p *jsonProgress) stop() {}
