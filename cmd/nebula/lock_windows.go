package main

import (
	"os"
	"path/filepath"
)

// defaultLock is one file for every user of this machine: two runs side by
// side would measure each other. On Windows each user has a temporary folder, and
// ProgramData is the one for all.
var defaultLock = filepath.Join(os.Getenv("ProgramData"), "nebula-run.lock")
