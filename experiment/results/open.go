package results

import (
	"os"
	"path/filepath"
)

// This file says what belongs to a run's folder. Such a folder may come from
// anywhere, so its files are read by way of internal/regular.

const (
	// mostJSON is how long run.json, and the head of plan.json, may be.
	mostJSON = 64 << 20
	// mostLine is how long a record may be. A function's last words are cut
	// off far earlier.
	mostLine = 4 << 20
)

// isFolder reports whether a folder is a run's, sound or not: it holds an
// identity, or records that have lost theirs. A plan alone is a run that was
// killed before it began, or is about to begin.
func isFolder(dir string) bool {
	for _, name := range []string{RunFile, TrialsFile, StopsFile, EnergyFile, BlocksFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
