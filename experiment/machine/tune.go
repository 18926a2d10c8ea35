package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/internal/atomicfile"
)

// Setting is a file of the kernel's, what it held and what Tune wrote.
type Setting struct {
	File string `json:"file"`
	Was  string `json:"was"`
	Set  string `json:"set"`
}

// ErrTuned means that the machine is tuned already.
var ErrTuned = errors.New("this machine is tuned already")

// Tunes is what Tune sets, in words.
const Tunes = "the governor to performance, turbo off and address randomisation on"

// Tune sets what Tunes says, where it is not so: what Check asks for. Before it
// changes anything it writes down what was there, in the file journal, so that
// Restore can put it back whatever happens. Its error is ErrTuned where there
// is a journal.
func (m Machine) Tune(journal string) ([]Setting, error) {
	if !readable && m.Root == "" {
		return nil, errors.New("nothing to tune is known: " + notHere)
	}
	var settings []Setting
	want := func(file, set string) {
		if was, ok := m.read(file); ok && was != set {
			settings = append(settings, Setting{file, was, set})
		}
	}
	for _, f := range m.glob(governors) {
		want(f, "performance")
	}
	want(noTurbo, "1")
	want(boost, "0")
	want(aslr, "2")
	if len(settings) == 0 {
		return nil, nil
	}
	if err := writeJournal(journal, settings); err != nil {
		return nil, err
	}
	for i, s := range settings {
		if err := m.write(s.File, s.Set); err != nil {
			_, rerr := m.Restore(journal)
			return settings[:i], errors.Join(fmt.Errorf("tune: %w", err), rerr)
		}
	}
	return settings, nil
}

func (m Machine) write(file, value string) error {
	f, err := os.OpenFile(m.Root+file, os.O_WRONLY|os.O_TRUNC, 0) // never makes one
	if err != nil {
		return err
	}
	_, err = f.WriteString(value + "\n")
	return errors.Join(err, f.Close())
}

// writeJournal makes the journal durable under its name, or not at all.
func writeJournal(name string, settings []Setting) error {
	b, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep what is to be put back: %w", err)
	}
	err = atomicfile.Create(name, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
	if errors.Is(err, fs.ErrExist) { // two tunes can't both win
		return fmt.Errorf("%w: what was there before is in %s", ErrTuned, name)
	}
	if err != nil {
		return fmt.Errorf("keep what is to be put back: %w", err)
	}
	return nil
}

// Restored is what became of a setting.
type Restored struct {
	Setting
	// Kept is what somebody else has written meanwhile, which stays; empty
	// where the old value is back.
	Kept string
}

// Restore puts back what Tune changed, also after a crash in the middle of
// it, and removes the journal. Without a journal there is nothing to do.
func (m Machine) Restore(journal string) (done []Restored, err error) {
	b, err := os.ReadFile(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var settings []Setting
	if err == nil {
		err = json.Unmarshal(b, &settings)
	}
	if err != nil {
		return nil, fmt.Errorf("the journal of what to put back, %s: %w", journal, err)
	}
	for _, s := range slices.Backward(settings) {
		// The journal may be somebody's who wants another file written.
		if !tunable(s.File) {
			return done, fmt.Errorf("the journal %s names %q, which is nothing that nebula tune changes", journal, s.File)
		}
		now, ok := m.read(s.File)
		switch {
		case !ok, now == s.Was: // gone, or never changed, or reset by a reboot
			done = append(done, Restored{Setting: s})
			continue
		case now != s.Set:
			done = append(done, Restored{s, now})
			continue
		}
		if err := m.write(s.File, s.Was); err != nil {
			return done, fmt.Errorf("put back %s: %w", s.File, err)
		}
		done = append(done, Restored{Setting: s})
	}
	return done, os.Remove(journal)
}

func tunable(file string) bool {
	ok, _ := filepath.Match(governors, file)
	return !strings.Contains(file, "..") && (ok || file == noTurbo || file == boost || file == aslr)
}
