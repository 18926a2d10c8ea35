//go:build unix

package system

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// StopSignals ask a program to end.
var StopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

type group struct{ cmd *exec.Cmd }

func (g *group) prepare(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	g.cmd = cmd
	return nil
}

func (g *group) started(*exec.Cmd) error { return nil }

// Terminate asks the group to end.
func (g *group) Terminate() error { return syscall.Kill(-g.cmd.Process.Pid, syscall.SIGTERM) }

// Kill ends the group at once.
func (g *group) Kill() error { return syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) }

// Release gives back what the system holds for the group.
func (g *group) Release() {}

// MayWrite reports why this user can't make files in a folder.
func MayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// Flags of os.OpenFile for a file in a folder where everybody may write: follow no
// link, and wait for nobody.
const (
	NoFollow = syscall.O_NOFOLLOW
	NoWait   = syscall.O_NONBLOCK
)

// ProcessCPU is the CPU time of all threads of this process in nanoseconds.
func ProcessCPU() int64 { return read(unix.CLOCK_PROCESS_CPUTIME_ID) }

// ThreadCPU is the CPU time of this thread in nanoseconds; 0 where the system
// does not tell it finely enough for a trial.
func ThreadCPU() int64 { return read(unix.CLOCK_THREAD_CPUTIME_ID) }

func read(clock int32) int64 {
	var ts unix.Timespec
	if unix.ClockGettime(clock, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
