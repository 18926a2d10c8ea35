package backends

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Owner names the process that something left on this machine belongs to,
// well enough to tell later whether it still lives: a pid alone is reused.
type Owner struct {
	Run     string `json:"run"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // of the process, in clock ticks since boot
	Boot    string `json:"boot"`    // id of the boot that Started counts from
}

// NewOwner describes this process as the owner of a run.
func NewOwner(run string) Owner {
	host, _ := os.Hostname()
	return Owner{Run: run, Host: host, PID: os.Getpid(), Started: processStart(os.Getpid()), Boot: bootID()}
}

// NewRunID gives a name for a run that sorts by time.
func NewRunID(now time.Time) string {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// Gone reports whether the owner no longer runs. Of another host nothing can
// be known, so its owners are never gone.
func (o Owner) Gone() bool {
	host, _ := os.Hostname()
	if o.Host != host {
		return false
	}
	return o.Boot != bootID() || o.Started == 0 || processStart(o.PID) != o.Started
}

// Label names of everything that Nebula creates in an engine.
const (
	LabelRun     = "nebula.run"
	LabelHost    = "nebula.host"
	LabelPID     = "nebula.pid"
	LabelStarted = "nebula.started"
	LabelBoot    = "nebula.boot"
)

// Labels gives the owner as labels.
func (o Owner) Labels() map[string]string {
	return map[string]string{
		LabelRun: o.Run, LabelHost: o.Host, LabelBoot: o.Boot,
		LabelPID: strconv.Itoa(o.PID), LabelStarted: strconv.FormatUint(o.Started, 10),
	}
}

// OwnerFromLabels reads what Labels wrote.
func OwnerFromLabels(l map[string]string) (Owner, error) {
	o := Owner{Run: l[LabelRun], Host: l[LabelHost], Boot: l[LabelBoot]}
	var err error
	if o.PID, err = strconv.Atoi(l[LabelPID]); err != nil {
		return o, fmt.Errorf("label %s: %w", LabelPID, err)
	}
	if o.Started, err = strconv.ParseUint(l[LabelStarted], 10, 64); err != nil {
		return o, fmt.Errorf("label %s: %w", LabelStarted, err)
	}
	return o, nil
}

// processStart reads field 22 of /proc/<pid>/stat (proc(5)); 0 where there
// is no such process.
func processStart(pid int) uint64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The command's name stands in parentheses and may hold anything.
	i := strings.LastIndexByte(string(b), ')')
	fields := strings.Fields(string(b[i+1:]))
	const starttime = 22 - 3 // the first field after the name is number 3
	if len(fields) <= starttime {
		return 0
	}
	n, _ := strconv.ParseUint(fields[starttime], 10, 64)
	return n
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
