package results

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Killed reports whether the run is known to have ended without saying so: it
// counts as running, and nobody holds its records. What was copied from another
// machine may go on there. A run without records yet may be about to begin.
func (f *Folder) Killed() bool {
	if host, err := os.Hostname(); err != nil || f.Run.Host.Name != host || f.Run.State != Running {
		return false
	}
	records, err := openRecords(filepath.Join(f.Dir, TrialsFile), os.O_RDONLY)
	if err != nil {
		return false
	}
	err = system.TryLock(records)
	records.Close() // and with it the lock
	if err != nil {
		return false
	}
	// It may have come to its end since it was read.
	now, err := Open(f.Dir)
	return err == nil && now.Run.State == Running
}

// lockRecords takes a run's records for this process. Who only looks whether
// somebody holds them does so for a moment, which is waited for.
func lockRecords(f *os.File) (err error) {
	for range 10 {
		if err = system.TryLock(f); !errors.Is(err, system.ErrLocked) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}
