package backends

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// initialNamespace is the PID namespace in which all others lie. The kernel
// gives it this number (PROC_PID_INIT_INO in linux/proc_ns.h).
const initialNamespace = "pid:[4026531836]"

// process looks for the owner on this kernel, which is known to be the owner's.
func (o Owner) process() (Fate, string) {
	ours := pidNamespace()
	if o.Namespace != "" && o.Namespace == ours {
		return o.here()
	}
	if ours != initialNamespace || !seesAll() {
		return Unknown, "it is of another PID namespace (a container's), which only the host sees into"
	}
	return o.within()
}

// here looks for a process of our own namespace.
func (o Owner) here() (Fate, string) {
	if err := syscall.Kill(o.PID, 0); errors.Is(err, syscall.ESRCH) {
		return Gone, ""
	}
	if !procIsOurs() {
		return Unknown, "/proc is another PID namespace's"
	}
	started, err := processStart(strconv.Itoa(o.PID))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// There, by its signal, and hidden (hidepid in proc(5)), or just gone.
		return Unknown, "its process can't be seen"
	case err != nil:
		return Unknown, "its process can't be read: " + err.Error()
	case o.Started == 0:
		return Unknown, "its label does not say when it started"
	case started == o.Started:
		return Lives, ""
	}
	return Gone, "" // its pid is another one's now
}

// within looks through the processes of every namespace for the one that has
// the owner's pid in its own.
func (o Owner) within() (Fate, string) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return Unknown, err.Error()
	}
	for _, p := range all {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		pid, err := innermostPID(p.Name())
		if vanished(err) || err == nil && pid != o.PID {
			continue
		}
		if err == nil {
			var started uint64
			if started, err = processStart(p.Name()); vanished(err) || err == nil && o.Started != 0 && started != o.Started {
				continue
			}
		}
		if err != nil {
			return Unknown, "not every process can be read: " + err.Error()
		}
		return Lives, ""
	}
	return Gone, ""
}

func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// seesAll reports whether /proc shows every process of the initial namespace,
// other users' too.
func seesAll() bool {
	_, err := os.ReadFile("/proc/1/status")
	return err == nil && procIsOurs()
}

// procIsOurs reports whether /proc was mounted in our own PID namespace.
// Otherwise its numbers are those of another one.
func procIsOurs() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// innermostPID is what a process calls itself: the last number of NSpid in
// /proc/<pid>/status (proc(5)).
func innermostPID(pid string) (int, error) {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			if all := strings.Fields(numbers); len(all) > 0 {
				return strconv.Atoi(all[len(all)-1])
			}
		}
	}
	return 0, errors.New("/proc/" + pid + "/status has no NSpid")
}

func selfStart() uint64 {
	started, _ := processStart("self")
	return started
}

// processStart reads field 22 of /proc/<pid>/stat (proc(5)).
func processStart(pid string) (uint64, error) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, err
	}
	// The command's name stands in parentheses and may hold anything.
	i := strings.LastIndexByte(string(b), ')')
	fields := strings.Fields(string(b[i+1:]))
	const starttime = 22 - 3 // the first field after the name is number 3
	if len(fields) <= starttime {
		return 0, errors.New("/proc/" + pid + "/stat is too short")
	}
	return strconv.ParseUint(fields[starttime], 10, 64)
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// pidNamespace names ours by its inode (namespaces(7)); empty where the kernel
// does not tell.
func pidNamespace() string {
	name, _ := os.Readlink("/proc/self/ns/pid")
	return name
}

// machineID reads what machine-id(5) describes; empty where there is none, as
// in most containers.
func machineID() string {
	for _, file := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		b, _ := os.ReadFile(file)
		if id := strings.TrimSpace(string(b)); id != "" && id != "uninitialized" {
			return id
		}
	}
	return ""
}
