package backends

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// Owner names the process that something left on this machine belongs to,
// well enough to tell later whether it still lives: a pid alone is reused, and
// means another process in each PID namespace; a host's name alone is given to
// many machines.
type Owner struct {
	Run       string `json:"run"`
	Host      string `json:"host"`
	PID       int    `json:"pid"`                     // as the process itself sees it
	Started   uint64 `json:"started"`                 // of the process: clock ticks since boot on Linux, elsewhere milliseconds since 1970
	Boot      string `json:"boot"`                    // id of the boot that Started counts from
	Machine   string `json:"machine,omitempty"`       // digest of the machine's id and the host's name
	Namespace string `json:"pid_namespace,omitempty"` // that PID counts in
}

// NewOwner describes this process as the owner of a run.
func NewOwner(run string) Owner {
	host, _ := os.Hostname()
	return Owner{
		Run: run, Host: host, PID: os.Getpid(), Started: selfStart(), Boot: bootID(),
		Machine: machineDigest(machineID(), host), Namespace: pidNamespace(),
	}
}

// machineDigest is one of the machine's id, which machine-id(5) asks not to
// show, and of the host's name, because containers and copied virtual machines
// may share an id; empty where there is no id.
func machineDigest(id, host string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("nebula owner\x00" + id + "\x00" + host))
	return hex.EncodeToString(sum[:16])
}

// NewRunID gives a name for a run that sorts by time.
func NewRunID(now time.Time) string {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// Fate is what became of an owner.
type Fate int

// The fates. That of an owner which this process can't see is Unknown, and what is
// not known to be gone may be in use.
const (
	Unknown Fate = iota
	Lives
	Gone
)

// Fate looks for the owner's process. Where nothing can be known it says why.
func (o Owner) Fate() (Fate, string) {
	host, _ := os.Hostname()
	boot, machine := bootID(), machineDigest(machineID(), host)
	sameBoot := o.Boot != "" && o.Boot == boot
	switch {
	case o.PID <= 0:
		return Unknown, "it does not say which process it is"
	case sameBoot: // one kernel, whatever its containers call themselves
	case o.Machine == "" && o.Host == host:
		// An older Nebula's. Many hosts may have this name, and this one may
		// have been started again since.
		return Unknown, "it is of another boot, and its label does not say of which machine"
	case o.Machine == "" || o.Machine != machine:
		return Unknown, fmt.Sprintf("it is of another machine (%s)", o.Host)
	case (o.Boot == "") != (boot == ""):
		return Unknown, "it can't be told whether it is of this boot"
	case o.Boot != boot:
		return Gone, ""
	}
	return o.process()
}

// Gone reports whether the owner is known to run no longer.
func (o Owner) Gone() bool {
	fate, _ := o.Fate()
	return fate == Gone
}

// Abandoned reports whether what carries this owner may be removed: the owner is
// gone, or its fate is unknown and the user has declared its run dead (clean
// --force-owner). If not, it says why and what to do.
func (o Owner) Abandoned(declared []string) (bool, string) {
	fate, why := o.Fate()
	switch {
	case fate == Gone, fate == Unknown && slices.Contains(declared, o.Run):
		return true, ""
	case fate == Lives:
		return false, fmt.Sprintf("run %s goes on (process %d)", o.Run, o.PID)
	}
	return false, fmt.Sprintf("the owner of run %s may live: %s; if you know that it is dead: nebula clean --force-owner %[1]s", o.Run, why)
}

// Label names of everything that Nebula creates in an engine.
const (
	LabelRun     = "nebula.run"
	LabelHost    = "nebula.host"
	LabelPID     = "nebula.pid"
	LabelStarted = "nebula.started"
	LabelBoot    = "nebula.boot"

	// Not on what versions before these fields made.
	LabelMachine   = "nebula.machine"
	LabelNamespace = "nebula.pid_namespace"
)

// Labels gives the owner as labels.
func (o Owner) Labels() map[string]string {
	return map[string]string{
		LabelRun: o.Run, LabelHost: o.Host, LabelBoot: o.Boot,
		LabelMachine: o.Machine, LabelNamespace: o.Namespace,
		LabelPID: strconv.Itoa(o.PID), LabelStarted: strconv.FormatUint(o.Started, 10),
	}
}

// OwnerFromLabels reads what Labels wrote, of this version or an older one.
// What carries labels that can't be read is not ours, or is another version's:
// it must be left alone.
func OwnerFromLabels(l map[string]string) (Owner, error) {
	o := Owner{
		Run: l[LabelRun], Host: l[LabelHost], Boot: l[LabelBoot],
		Machine: l[LabelMachine], Namespace: l[LabelNamespace],
	}
	var err error
	if o.PID, err = strconv.Atoi(l[LabelPID]); err != nil {
		return o, fmt.Errorf("label %s: %w", LabelPID, err)
	}
	if o.Started, err = strconv.ParseUint(l[LabelStarted], 10, 64); err != nil {
		return o, fmt.Errorf("label %s: %w", LabelStarted, err)
	}
	return o, nil
}
