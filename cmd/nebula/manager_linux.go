package main

// manager is what runs programs at a time of day on this system.
const manager = "systemd"

// scheduleFormats are the formats in the order in which they are printed.
var scheduleFormats = []string{"systemd", "cron", "github"}
