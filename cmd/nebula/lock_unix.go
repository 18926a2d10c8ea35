//go:build unix

package main

// defaultLock is one file for every user of this machine: two runs side by
// side would measure each other.
const defaultLock = "/tmp/nebula-run.lock"
