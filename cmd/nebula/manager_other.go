//go:build !linux && !darwin

package main

// manager is empty: nothing is installed here.
const manager = ""

// scheduleFormats are the formats in the order in which they are printed.
var scheduleFormats = []string{"cron", "github"}
