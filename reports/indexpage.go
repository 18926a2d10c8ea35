package reports

import (
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
	Newest     []newestView
	Unreadable []string
	All        *table
}

type newestView struct {
	Experiment, Link string
	Alerts           []caveatView
	Verdict          *verdictView
	NoVerdict        string
	Line             string
}

// WriteIndex writes the page over all runs below the output folder. Its
// error concerns the page itself: a run that cannot be read is named on it.
func WriteIndex(out string) error {
	runs, bad := results.List(out)
	p := &indexPage{frame: newFrame("Nebula: runs", "", false)}
	p.All = &table{Head: append(left("experiment", "run", "started", "state"), right("trials", "not ok", "missing cells")...)}
	newest := map[string]bool{}
	for _, f := range slices.Backward(runs) {
		s, err := gather(f)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		link, err := pageLink(out, f)
		if err != nil {
			return err
		}
		p.All.Rows = append(p.All.Rows, indexRow(s, link))
		if !newest[s.Experiment] {
			newest[s.Experiment] = true
			s.Verdicts = verdicts(s.ran())
			p.Newest = append(p.Newest, newestRun(s, link))
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

func indexRow(s *Summary, link string) []td {
	row := []td{{Text: s.Experiment}, {Text: s.Run, Link: link}}
	row = append(row, cells(when(s.Started), stateWords(s))...)
	row[3].Bad = s.State != results.Complete
	missing := 0
	for _, l := range s.LeftOut {
		if !l.Chosen {
			missing += l.Cells
		}
	}
	return append(row,
		td{Text: fmt.Sprintf("%d of %d", s.Trials.Ended, s.Trials.Planned), Right: true, Bad: s.Trials.Missing > 0},
		td{Text: fmt.Sprint(s.Trials.Bad), Right: true, Bad: s.Trials.Bad > 0},
		td{Text: fmt.Sprint(missing), Right: true, Bad: missing > 0},
	)
}

func newestRun(s *Summary, link string) newestView {
	above, _ := split(s.Caveats)
	v := newestView{
		Experiment: s.Experiment, Link: link, NoVerdict: noVerdict(s), Alerts: caveatViews(above),
		Line: fmt.Sprintf("%s · %s · %d of %s", when(s.Started), stateWords(s), s.Trials.Ended, plural(s.Trials.Planned, "trial")),
	}
	if s.Trials.Bad > 0 {
		v.Line += fmt.Sprintf(", %d not ok", s.Trials.Bad)
	}
	if len(s.Verdicts) > 0 {
		first := s.Verdicts[0]
		v.Verdict = &verdictView{Verdict: first, Subject: first.subject()}
	}
	return v
}
