package reports

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/regular"
)

// digestFile is what the index needs of a run, kept beside its records so
// that a year of nights need not be read again. It is made from the other
// files of the folder, and again when they have changed.
const digestFile = "digest.json"

// digestVersion changes with whatever a digest says or how it is worked out.
const digestVersion = 3

// digest is the content of digestFile.
type digest struct {
	Version    int            `json:"version"`
	Of         string         `json:"of"`     // the files it was made from
	Judged     bool           `json:"judged"` // it holds the verdict, which costs more than the rest
	Run        string         `json:"run"`
	Experiment string         `json:"experiment"`
	State      results.State  `json:"state"`
	Started    time.Time      `json:"started"`
	Trials     Trials         `json:"trials"`
	Missing    int            `json:"missing_cells"` // this machine could not run
	Alerts     []storedCaveat `json:"alerts,omitempty"`
	Verdict    *storedVerdict `json:"verdict,omitempty"`
	NoVerdict  string         `json:"no_verdict,omitempty"`
	Cells      []digestCell   `json:"cells"`
}

// storedCaveat and storedVerdict keep which words are names.
type storedCaveat struct {
	Level  Level  `json:"level"`
	Text   []Span `json:"text"`
	Detail string `json:"detail,omitempty"`
	Words  string `json:"last_words,omitempty"`
}

type storedVerdict struct {
	Subject string `json:"subject"`
	Metric  string `json:"metric"`
	Text    []Span `json:"text"`
	Basis   string `json:"basis"`
}

// digestCell holds the medians of a cell that has an interval, in
// nanoseconds.
type digestCell struct {
	experiment.Cell
	Medians map[string]int64 `json:"medians"`
}

// followed are the metrics that verdicts and comparisons speak of, and whose
// history is shown.
var followed = []string{"startup", "runtime"}

func newDigest(f *results.Folder, s *Summary, judged bool) *digest {
	above, _ := split(s.Caveats)
	d := &digest{
		Version: digestVersion, Of: fingerprint(f.Dir), Judged: judged, Run: s.Run, Experiment: s.Experiment, State: s.State,
		Started: s.Started, Trials: s.Trials, NoVerdict: noVerdict(s), Cells: []digestCell{},
	}
	for _, l := range s.LeftOut {
		if !l.Chosen && !l.Unasked {
			d.Missing += l.Cells
		}
	}
	for _, c := range above {
		d.Alerts = append(d.Alerts, storedCaveat{c.Level, c.Text, c.Detail, c.LastWords})
	}
	if len(s.Verdicts) > 0 {
		v := s.Verdicts[0]
		d.Verdict = &storedVerdict{v.subject(), v.Metric, v.Sentence, v.Basis}
	}
	for _, c := range s.ran() {
		if s.run.Backends[c.Backend].ControlOf != "" {
			continue
		}
		m := map[string]int64{}
		for _, name := range followed {
			if x := c.Metrics[name]; x.LowNS != nil && x.MedianNS > 0 && x.N >= stats.MinTrials {
				m[name] = x.MedianNS
			}
		}
		if len(m) > 0 {
			d.Cells = append(d.Cells, digestCell{c.Cell, m})
		}
	}
	return d
}

// fingerprint tells whether a run's files are those that a digest was made
// from.
func fingerprint(dir string) string {
	var out string
	for _, name := range []string{results.RunFile, results.PlanFile, results.TrialsFile, results.StopsFile, results.EnergyFile, results.BlocksFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			out += fmt.Sprintf("%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return out
}

// digestOf reads a run's digest, or makes it where there is none that fits.
// Only the newest run of an experiment needs its verdict.
func digestOf(f *results.Folder, judged bool) (*digest, error) {
	if b, err := regular.Read(filepath.Join(f.Dir, digestFile), mostCache); err == nil {
		var d digest
		if json.Unmarshal(b, &d) == nil && d.Of == fingerprint(f.Dir) && (d.Judged || !judged) && d.of(f) {
			return &d, nil
		}
	}
	summarise := gather
	if judged {
		summarise = Summarise
	}
	s, err := summarise(f)
	if err != nil {
		return nil, err
	}
	d := newDigest(f, s, judged)
	d.store(f.Dir)
	return d, nil
}

// mostCache is how long a digest, or the list of what is ignored, may be.
const mostCache = 64 << 20

// of reports whether a digest can be that of a run: it may come from anywhere,
// and is used only where nothing speaks against it.
func (d *digest) of(f *results.Folder) bool {
	const most = int64(1) << 59 // far beyond any duration, and sums of it are still numbers
	t := d.Trials
	switch {
	case d.Version != digestVersion, d.Run != f.Run.ID, d.Experiment != f.Run.Experiment, d.State != f.Run.State, !d.Started.Equal(f.Run.Started):
		return false
	case min(t.Planned, t.Ended, t.Missing, t.Bad, t.Repeated, d.Missing) < 0, t.Planned > f.Plan.Len(), t.Missing != t.Planned-t.Ended:
		return false
	}
	planned := map[experiment.Cell]bool{}
	for _, c := range f.Plan.Cells {
		planned[c] = true
	}
	for _, c := range d.Cells {
		if !planned[c.Cell] {
			return false
		}
		planned[c.Cell] = false // no cell is there twice
		for _, ns := range c.Medians {
			if ns < 1 || ns > most {
				return false
			}
		}
	}
	return true
}

// store keeps the digest. A folder that can't be written, such as another
// user's, costs time and nothing else.
func (d *digest) store(dir string) {
	if b, err := json.Marshal(d); err == nil {
		_ = writeFile(filepath.Join(dir, digestFile), b)
	}
}
