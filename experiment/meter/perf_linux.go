package meter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hasCounters says that this system may show energy by itself.
const hasCounters = true

// openEvent opens an event of one processor.
func openEvent(kind uint32, config uint64, cpu int) (int, error) {
	return unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: kind, Config: config, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
	}, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
}

func readEvent(fd int, buf []byte) (int, error) { return unix.Read(fd, buf) }

func closeEvent(fd int) error { return unix.Close(fd) }
