//go:build !linux

package backends

import (
	"os"

	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/process"
)

// process looks for the owner on this machine, which is known to be its own.
func (o Owner) process() (Fate, string) {
	there, err := process.PidExists(int32(o.PID))
	if err != nil {
		return Unknown, "its process can't be looked for: " + err.Error()
	}
	if !there {
		return Gone, ""
	}
	p, err := process.NewProcess(int32(o.PID))
	if err != nil {
		return Unknown, "its process can't be read: " + err.Error()
	}
	switch started, err := p.CreateTime(); {
	case err != nil:
		return Unknown, "its process can't be read: " + err.Error()
	case o.Started == 0:
		return Unknown, "its label does not say when it started"
	case uint64(started) == o.Started:
		return Lives, ""
	}
	return Gone, "" // its pid is another one's now
}

func selfStart() uint64 {
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return 0
	}
	started, _ := p.CreateTime()
	return uint64(started)
}

// bootID is not needed: the start of a process is a time of day here.
func bootID() string { return "" }

// pidNamespace is Linux's alone.
func pidNamespace() string { return "" }

func machineID() string {
	id, _ := host.HostID()
	return id
}
