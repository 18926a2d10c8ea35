// Command probe is a function that does what its first argument says, so
// that a backend can be tried against known truth.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nebula-bench/nebula/functions/protocol"
)

func work(request []byte) ([]byte, error) {
	switch string(request) {
	case "spin":
		began := time.Now()
		for time.Since(began) < 10*time.Millisecond {
		}
		return []byte(strconv.FormatInt(time.Since(began).Nanoseconds(), 10)), nil
	case "loop":
		for {
		}
	case "refuse":
		return nil, errors.New("refused")
	case "flood":
		return make([]byte, 65<<20), nil
	case "gorge":
		grow()
	}
	return request, nil
}

// grow takes memory without end.
func grow() {
	for hold := [][]byte{}; ; {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		hold = append(hold, b)
	}
}

func main() {
	act := "echo"
	if len(os.Args) > 1 {
		act = os.Args[1]
	}
	switch act {
	case "echo":
		protocol.Serve(func(request []byte) ([]byte, error) { return request, nil })
	case "silent": // speaks no markers
		io.Copy(os.Stdout, os.Stdin)
	case "spin": // 10 ms of work; answers how long it took by its own clock
		protocol.Ready()
		began := time.Now()
		for time.Since(began) < 10*time.Millisecond {
		}
		took := time.Since(began)
		protocol.Done()
		fmt.Print(took.Nanoseconds())
	case "late": // 50 ms before it is ready
		time.Sleep(50 * time.Millisecond)
		protocol.Serve(func([]byte) ([]byte, error) { return []byte("late"), nil })
	case "exit":
		fmt.Fprintln(os.Stderr, "leaving with 7")
		os.Exit(7)
	case "panic":
		panic("on purpose")
	case "environ":
		env := os.Environ()
		slices.Sort(env)
		fmt.Print(strings.Join(env, "\n"))
	case "args":
		fmt.Printf("%q", os.Args[2:])
	case "files":
		entries, err := os.ReadDir("/")
		fmt.Print(len(entries), err)
		_, err = os.ReadFile("/etc/passwd")
		fmt.Print(err != nil)
	case "list": // a folder of its own file system
		entries, err := os.ReadDir(os.Args[2])
		if err != nil {
			fmt.Print(err)
		}
		for _, e := range entries {
			fmt.Print(e.Name(), "\n")
		}
	case "write": // a file
		fmt.Print(os.WriteFile("/written", []byte("x"), 0o644) == nil)
	case "who":
		fmt.Print(os.Getuid(), ":", os.Getgid())
	case "grow":
		grow()
	case "mutter": // says what it will do, and does it
		fmt.Fprintln(os.Stderr, "about to", os.Args[2])
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	case "count": // answers how many requests it has answered before
		n := 0
		protocol.Serve(func([]byte) ([]byte, error) {
			n++
			return []byte(strconv.Itoa(n - 1)), nil
		})
	case "work": // does what each request says
		protocol.Serve(work)
	case "deaf": // reads nothing
		fmt.Print("deaf")
	case "loop":
		protocol.Ready()
		for {
		}
	case "sleep":
		protocol.Ready()
		time.Sleep(time.Hour)
	case "fork": // starts those that multiply
		protocol.Ready()
		multiply()
		// Where no more threads may be, a Go program that wants one dies, and
		// this one shall live: asleep it wants none.
		time.Sleep(time.Hour)
	case "multiply":
		for {
			multiply()
		}
	case "stubborn": // does not end when it is asked to
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		protocol.Ready()
		for {
			time.Sleep(time.Hour)
		}
	case "shout": // 1 GB to standard error, and then an answer
		block := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
		for range 1000 {
			os.Stderr.Write(block)
		}
		fmt.Print("hoarse")
	case "reach": // the host's network
		fmt.Print(reach(os.Args[2]))
	case "busy": // for so many milliseconds of the process's own time
		ms, _ := strconv.Atoi(os.Args[2])
		for took() < time.Duration(ms)*time.Millisecond {
		}
	case "hold": // so many MiB
		mib, _ := strconv.Atoi(os.Args[2])
		b := make([]byte, mib<<20)
		for i := range b {
			b[i] = 1
		}
		fmt.Print(len(b))
	case "read": // a file
		_, err := os.ReadFile(os.Args[2])
		fmt.Print(err == nil)
	case "show": // a file
		b, err := os.ReadFile(os.Args[2])
		fmt.Printf("%s%v", b, err)
	case "change": // all that is written fails, or it says what did not
		name, into := os.Args[2], os.Args[2]+".new"
		for what, err := range map[string]error{
			"write": os.WriteFile(name, []byte("x"), 0o644), "create": os.WriteFile(into, []byte("x"), 0o644),
			"remove": os.Remove(name), "rename": os.Rename(name, into), "link": os.Symlink(name, into),
			"mkdir": os.Mkdir(into, 0o755), "truncate": os.Truncate(name, 0),
		} {
			if err == nil {
				fmt.Print(what, " ")
			}
		}
	case "flood": // writes without end
		block := make([]byte, 1<<20)
		for {
			if _, err := os.Stdout.Write(block); err != nil {
				os.Exit(3)
			}
		}
	case "lie": // about its clock
		fmt.Fprintln(os.Stderr, "nebula:ready 17")
		fmt.Print("lied")
	case "again": // only the first marker of a kind counts
		protocol.Ready()
		time.Sleep(30 * time.Millisecond)
		protocol.Ready()
		fmt.Print("again")
	}
}
