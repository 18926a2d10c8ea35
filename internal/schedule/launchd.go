package schedule

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// Agent is the label of the job's launchd agent; its file is that and .plist.
func (j Job) Agent() string { return "nebula." + j.Name }

// AgentMarker is the third line of the agent: whose it is. The file's name
// stands in a comment, which must not hold two hyphens.
func (j Job) AgentMarker() string {
	return "<!-- Made by nebula schedule for " + strings.ReplaceAll(escapeXML(j.File), "-", "&#45;") + " -->\n"
}

// Launchd is the job as an agent of launchd, which macOS has in the place of
// systemd and cron. Its format is launchd.plist(5).
//
// launchd runs one command, so a shell runs the night and then the pruning.
// The log's folder must be there: launchd does not make it.
func (j Job) Launchd() (string, error) {
	if err := j.Check(); err != nil {
		return "", err
	}
	if j.Calendar != "" {
		return "", errors.New("launchd does not read systemd's calendar expressions: give a time of day, such as --at 02:30")
	}
	// XML can't hold two code points that are no control characters.
	if strings.ContainsAny(strings.Join(append(append(append([]string{j.File, j.Program, j.Dir, j.Log}, j.Env...), j.Run...), j.Prune...), ""), "\ufffe\uffff") {
		return "", errors.New("a name holds U+FFFE or U+FFFF, which no property list can hold")
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
`)
	b.WriteString(j.AgentMarker())
	b.WriteString("<plist version=\"1.0\">\n<dict>\n")
	pair := func(key, value string) { fmt.Fprintf(&b, "\t<key>%s</key>\n\t%s\n", key, value) }
	pair("Label", text(j.Agent()))
	// What the night said is its exit code; old runs go whatever that was. A
	// stop reaches the shell alone, which hands it on and waits for the trial
	// in flight.
	run, prune := shellWords(append([]string{j.Program}, j.Run...)...), shellWords(append([]string{j.Program}, j.Prune...)...)
	command := `trap 'kill "$c"' TERM; ` + run + ` & c=$!; wait "$c"; r=$?; while kill -0 "$c" 2>/dev/null; do wait "$c"; r=$?; done; ` +
		prune + `; p=$?; exit $((r ? r : p))`
	pair("ProgramArguments", "<array>\n\t\t"+text("/bin/sh")+"\n\t\t"+text("-c")+"\n\t\t"+text(command)+"\n\t</array>")
	pair("WorkingDirectory", text(j.Dir))
	if len(j.Env) > 0 {
		var env strings.Builder
		for _, e := range j.Env {
			name, value, _ := strings.Cut(e, "=")
			fmt.Fprintf(&env, "\t\t<key>%s</key>\n\t\t%s\n", escapeXML(name), text(value))
		}
		pair("EnvironmentVariables", "<dict>\n"+env.String()+"\t</dict>")
	}
	pair("StartCalendarInterval", fmt.Sprintf("<dict>\n\t\t<key>Hour</key>\n\t\t<integer>%d</integer>\n\t\t<key>Minute</key>\n\t\t<integer>%d</integer>\n\t</dict>", j.At.Hour, j.At.Minute))
	pair("StandardOutPath", text(j.Log))
	pair("StandardErrorPath", text(j.Log))
	// A background job of macOS runs on slow cores and waits for disks.
	pair("ProcessType", text("Interactive"))
	// A stop ends the run after the trial in flight.
	pair("ExitTimeOut", "<integer>600</integer>")
	b.WriteString("</dict>\n</plist>\n")
	return b.String(), nil
}

func text(s string) string { return "<string>" + escapeXML(s) + "</string>" }

func escapeXML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
