package main

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// reach reports whether a TCP connection to an address can be made.
func reach(address string) string {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err.Error()
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "false"
	}
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()})
	return fmt.Sprint(err == nil)
}

// multiply starts this program once more, to do it again and again.
func multiply() {
	syscall.ForkExec("/proc/self/exe", []string{"probe", "multiply"}, nil)
}

// took is the processor time of this process, which a busy machine does not
// stretch.
func took() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
