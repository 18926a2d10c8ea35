package main

// manager is what runs programs at a time of day on this system.
const manager = "launchd"

// scheduleFormats are the formats in the order in which they are printed.
var scheduleFormats = []string{"launchd", "cron", "github"}
