package system

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// StopSignals ask a program to end. Closing a console window arrives as
// SIGTERM.
var StopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

var (
	kernel32    = windows.NewLazySystemDLL("kernel32.dll")
	counter     = kernel32.NewProc("QueryPerformanceCounter")
	frequency   = kernel32.NewProc("QueryPerformanceFrequency")
	perSecond   = query(frequency)
	nanoseconds = uint64(1_000_000_000)
)

func query(p *windows.LazyProc) uint64 {
	var n int64
	if ok, _, err := p.Call(uintptr(unsafe.Pointer(&n))); ok == 0 {
		panic(err) // it can't fail since Windows XP
	}
	return uint64(n)
}

// Monotonic reads the performance counter in nanoseconds, which means the same
// in every process of this machine. Its step is 100 ns on most.
func Monotonic() int64 {
	high, low := bits.Mul64(query(counter), nanoseconds)
	ns, _ := bits.Div64(high, low, perSecond)
	return int64(ns)
}

// SinceBoot is a clock that goes on while the machine sleeps.
func SinceBoot() int64 { return int64(windows.DurationSinceBoot()) }

// ProcessCPU is the CPU time of all threads of this process in nanoseconds.
func ProcessCPU() int64 {
	var began, ended, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &began, &ended, &kernel, &user) != nil {
		return 0
	}
	return 100 * (ticks(kernel) + ticks(user))
}

func ticks(t windows.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }

// ThreadCPU is 0: Windows counts the time of a thread in steps of 15 ms, which
// is more than most trials take.
func ThreadCPU() int64 { return 0 }

// group is a job, which the kernel ends when its last handle is closed: so a child
// ends with Nebula, however that dies.
type group struct {
	job windows.Handle
	cmd *exec.Cmd
}

func (g *group) prepare(cmd *exec.Cmd) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("make a job for a child process: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		windows.CloseHandle(job)
		return fmt.Errorf("bind a child process to this one: %w", err)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.CreationFlags |= windows.CREATE_NEW_PROCESS_GROUP
	g.job, g.cmd = job, cmd
	return nil
}

// started puts the process into its job. What it started before that, within
// its first microseconds, is outside.
func (g *group) started(cmd *exec.Cmd) error {
	err := func() error {
		h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		return windows.AssignProcessToJobObject(g.job, h)
	}()
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		g.Release()
		return fmt.Errorf("bind a child process to this one: %w", err)
	}
	return nil
}

// Terminate ends the group at once: there is no signal to ask it with.
func (g *group) Terminate() error { return g.Kill() }

// Kill ends the group at once.
func (g *group) Kill() error {
	err := windows.TerminateJobObject(g.job, 1)
	if g.cmd.Process != nil {
		g.cmd.Process.Kill() // it may not be in the job yet
	}
	return err
}

// Release gives back what the system holds for the group, and ends what is
// left of that.
func (g *group) Release() { windows.CloseHandle(g.job) }

// MayWrite reports why this user can't make files in a folder. Windows decides
// by lists that no call sums up, so it tries.
func MayWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".nebula-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Flags of os.OpenFile: Windows has none of these.
const (
	NoFollow = 0
	NoWait   = 0
)

// TryLock takes the lock on a file, or gives ErrLocked. The kernel gives it
// back with the file, however its holder dies. The locked byte lies behind the
// file's content, because nobody else can read what is locked.
func TryLock(f *os.File) error {
	const behind = 1 << 30
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: behind})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
