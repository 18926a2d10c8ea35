package main

import (
	"os"
	"path/filepath"
)

// defaultLock is one file for every user of this machine: two runs side by
// side would measure each other. Windows has a temporary folder for each user,
// and this one for all.
var defaultLock = filepath.Join(os.Getenv("ProgramData"), "nebula-run.lock")
