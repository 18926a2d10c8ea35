package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment/results"
)

// indexPage is what the template of the index gets.
type indexPage struct {
	frame
	Newest      []newestView
	Regressions []regressionView
	Trends      []*trendView
	Unreadable  []string
	All         *table
}

type newestView struct {
	Experiment, Link string
	Alerts           []caveatView
	Verdict          *storedVerdict
	NoVerdict        string
	Line             string
	Bad              bool
}

// regressionView holds the regressions of an experiment: those that stand,
// those of which a disturbed machine lets nobody tell, and those that somebody
// accepts.
type regressionView struct {
	Experiment string
	Of         string // the machine or variables, where the experiment has several
	Standing   *table
	Unsure     *table
	Ignored    *table
	HowTo      string // the entry that makes the first of them ignored
}

// WriteIndex writes the page over all runs below the output folder. Its
// error concerns the page itself: a run that cannot be read is named on it.
func WriteIndex(out string) error {
	runs, bad := results.List(out)
	as, err := assets()
	if err != nil {
		return err
	}
	from := besidePage
	if len(as) == 0 {
		from = onNetwork
	}
	p := &indexPage{frame: newFrame("Nebula: runs", "", from)}
	p.All = &table{Head: append(left("experiment", "run", "started", "state"), right("trials", "not ok", "missing cells")...)}
	ignored, err := readIgnored(out)
	if err != nil {
		bad = append(bad, err)
	}
	var names []string
	nights := map[string][]night{} // by experiment, oldest first
	digests, unread := digestsOf(runs)
	bad = append(bad, unread...)
	for i, f := range runs {
		d := digests[i]
		if d == nil {
			continue
		}
		link, err := pageLink(out, f)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		n := night{d, &f.Run, link, f.Confirming()}
		p.All.Rows = slices.Insert(p.All.Rows, 0, indexRow(n))
		if n.confirming {
			continue // the run that it confirmed tells of it
		}
		nights[d.Experiment] = append(nights[d.Experiment], n)
		if i := slices.Index(names, d.Experiment); i >= 0 {
			names = slices.Delete(names, i, i+1)
		}
		names = slices.Insert(names, 0, d.Experiment) // the newest run first
	}
	for _, name := range names {
		all := nights[name]
		last := all[len(all)-1]
		p.Newest = append(p.Newest, newestRun(last.digest, last.link))
		for _, h := range histories(name, all) {
			if err := p.follow(h, ignored); err != nil {
				bad = append(bad, fmt.Errorf("the history of %q: %w", name, err))
			}
		}
	}
	if len(p.All.Rows) == 0 {
		p.All = nil
	}
	for _, err := range bad {
		p.Unreadable = append(p.Unreadable, inside(out, err))
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	return render(filepath.Join(out, pageFile), "index", p)
}

// digestsOf gives a digest for each run, nil for one that can't be read. The
// newest of each experiment that can be has its verdict.
func digestsOf(runs []*results.Folder) (digests []*digest, bad []error) {
	digests = make([]*digest, len(runs))
	judged := map[string]bool{}
	for i, f := range slices.Backward(runs) {
		wanted := !f.Confirming() && !judged[f.Run.Experiment]
		d, err := digestOf(f, wanted)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		digests[i] = d
		judged[f.Run.Experiment] = judged[f.Run.Experiment] || wanted
	}
	return digests, bad
}

// follow adds what a history says to the page.
func (p *indexPage) follow(h *history, ignored []Ignore) error {
	rs, err := h.regressions(ignored)
	if err != nil {
		return err
	}
	if len(rs) > 0 {
		p.Regressions = append(p.Regressions, newRegressionView(h, rs))
	}
	t, err := newTrend(len(p.Trends), h, rs)
	if t != nil {
		p.Trends = append(p.Trends, t)
	}
	return err
}

func newRegressionView(h *history, rs []Regression) regressionView {
	v := regressionView{Experiment: h.experiment, Of: h.of}
	var standing, unsure, ignored []Regression
	for _, r := range rs {
		switch {
		case r.Ignore != nil:
			ignored = append(ignored, r)
		case r.Disturbed != "":
			unsure = append(unsure, r)
		default:
			standing = append(standing, r)
		}
	}
	v.Standing, v.Unsure, v.Ignored = regressionTable(standing), regressionTable(unsure), regressionTable(ignored)
	if len(standing) > 0 {
		r := standing[0]
		if b, err := json.Marshal(Ignore{h.experiment, r.Cell.String(), r.Metric, r.Since, "why"}); err == nil {
			v.HowTo = string(b)
		}
	}
	return v
}

// pageLink is the address of a run's page; empty where it has none yet.
func pageLink(out string, f *results.Folder) (string, error) {
	if _, err := os.Stat(filepath.Join(f.Dir, pageFile)); errors.Is(err, os.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	dir, err := link(out, f.Dir)
	return dir + pageFile, err
}

// inside shows an error without the part of its paths that only says where
// the output folder lies on this machine.
func inside(out string, err error) string {
	return strings.ReplaceAll(err.Error(), filepath.Clean(out)+string(filepath.Separator), "")
}

func indexRow(n night) []td {
	d := n.digest
	state := stateWords(d.State)
	if n.confirming {
		state += ", to confirm another run"
	}
	row := []td{{Text: d.Experiment}, {Text: d.Run, Link: n.link}}
	row = append(row, cells(when(d.Started), state)...)
	row[3].Bad = d.State != results.Complete
	return append(row,
		td{Text: fmt.Sprintf("%d of %d", d.Trials.Ended, d.Trials.Planned), Right: true, Bad: d.Trials.Missing > 0},
		td{Text: fmt.Sprint(d.Trials.Bad), Right: true, Bad: d.Trials.Bad > 0},
		td{Text: fmt.Sprint(d.Missing), Right: true, Bad: d.Missing > 0},
	)
}

func newestRun(d *digest, link string) newestView {
	v := newestView{
		Experiment: d.Experiment, Link: link, NoVerdict: d.NoVerdict, Verdict: d.Verdict,
		Bad:  d.State != results.Complete || d.Trials.Missing > 0,
		Line: fmt.Sprintf("%s · %s · %d of %s", when(d.Started), stateWords(d.State), d.Trials.Ended, plural(d.Trials.Planned, "trial")),
	}
	for _, c := range d.Alerts {
		v.Alerts = append(v.Alerts, caveatViews([]Caveat{{Level: c.Level, Text: c.Text, Detail: c.Detail, LastWords: c.Words}})...)
	}
	if d.Trials.Bad > 0 {
		v.Line += fmt.Sprintf(", %d not ok", d.Trials.Bad)
	}
	return v
}
