// Package protocol lets a Go program speak the function protocol of Nebula:
//
//	func main() {
//		protocol.Serve(func(request []byte) ([]byte, error) { return request, nil })
//	}
//
// It refuses to be a framework: there is no context, no routing and no
// logging. It imports nothing but syscall and strconv, because what it
// imports becomes part of every function that is measured, and the size of a
// WebAssembly module decides how long it takes to start.
//
// Number reads the request that many functions take. What else a request can
// be is the function's own affair.
//
// The ready marker is written by Serve. The start-up of the Go runtime and
// the initialisation of packages lie before it: they belong to the startup
// of a function, not to its runtime.
package protocol

import (
	"strconv"
	"syscall"
)

// maxRequest bounds what the length before a framed request may claim.
const maxRequest = 999_999_999

// Serve writes the ready marker, answers the request, and returns. With
// NEBULA_FRAMES=1 it answers one request after the other until standard
// input ends; each then has its own two markers.
//
// The done marker is written when the answer has been computed, before its
// first byte leaves.
//
// An error of the handler is written to standard error and ends the program
// with exit code 1. The request's bytes are the handler's to keep.
func Serve(handle func(request []byte) ([]byte, error)) {
	Ready()
	var err error
	if frames, _ := syscall.Getenv("NEBULA_FRAMES"); frames == "1" {
		err = serveFrames(handle)
	} else {
		err = serveOne(handle)
	}
	if err != nil {
		writeAll(stderr, []byte(err.Error()+"\n"))
		syscall.Exit(1)
	}
}

// Number gives the decimal number that a request is, with white space around
// it or not. The error says what was expected: a number from least to most.
func Number(request []byte, least, most uint64) (uint64, error) {
	for len(request) > 0 && isSpace(request[0]) {
		request = request[1:]
	}
	for len(request) > 0 && isSpace(request[len(request)-1]) {
		request = request[:len(request)-1]
	}
	n, ok := uint64(0), len(request) > 0
	for _, c := range request {
		d := uint64(c - '0')
		if ok = ok && d <= 9 && n <= most/10 && n*10 <= most-d; !ok {
			break
		}
		n = n*10 + d
	}
	if !ok || n < least {
		return 0, refusal("the request must be a decimal number from " +
			strconv.FormatUint(least, 10) + " to " + strconv.FormatUint(most, 10))
	}
	return n, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Ready writes the ready marker. Serve does it; a program that does not use
// Serve calls it first in main.
func Ready() { mark("nebula:ready") }

// Done writes the done marker. Serve does it; a program that does not use
// Serve calls it before it writes its answer.
func Done() { mark("nebula:done") }

// mark writes one line in one write: a reader must not see half of it, and a
// second write would be part of what is measured.
func mark(marker string) {
	line := make([]byte, 0, 48)
	line = append(line, marker...)
	if ns, ok := now(); ok {
		line = append(line, ' ')
		line = strconv.AppendInt(line, ns, 10)
	}
	writeAll(stderr, append(line, '\n'))
}

func serveOne(handle func([]byte) ([]byte, error)) error {
	request := make([]byte, 0, 512)
	for {
		if len(request) == cap(request) {
			request = append(request, 0)[:len(request)]
		}
		n, err := read(request[len(request):cap(request)])
		if err != nil {
			return failure{"read the request", err}
		}
		if n == 0 {
			break
		}
		request = request[:len(request)+n]
	}
	answer, err := handle(request)
	if err != nil {
		return err
	}
	Done()
	return writeAll(stdout, answer)
}

func serveFrames(handle func([]byte) ([]byte, error)) error {
	for {
		length, err := frameLength()
		if err != nil || length < 0 {
			return err
		}
		request := make([]byte, length)
		for rest := request; len(rest) > 0; {
			n, err := read(rest)
			if err != nil {
				return failure{"read a request", err}
			}
			if n == 0 {
				return refusal("the requests end inside a request")
			}
			rest = rest[n:]
		}
		Ready()
		answer, err := handle(request)
		if err != nil {
			return err
		}
		Done()
		// Length and answer leave in one write.
		frame := strconv.AppendInt(make([]byte, 0, len(answer)+20), int64(len(answer)), 10)
		frame = append(append(frame, '\n'), answer...)
		if err := writeAll(stdout, frame); err != nil {
			return err
		}
	}
}

// frameLength reads the line before a request, byte by byte so that nothing
// of the request is taken; -1 at the end of the requests.
func frameLength() (int, error) {
	var b [1]byte
	length, digits := 0, 0
	for {
		n, err := read(b[:])
		switch {
		case err != nil:
			return 0, failure{"read the length of a request", err}
		case n == 0 && digits == 0:
			return -1, nil
		case n == 0:
			return 0, refusal("the requests end inside a length")
		case b[0] == '\n' && digits > 0:
			return length, nil
		case b[0] < '0' || b[0] > '9' || length*10+int(b[0]-'0') > maxRequest:
			return 0, refusal("a request must begin with its length in decimal and a newline")
		}
		length = length*10 + int(b[0]-'0')
		digits++
	}
}

func read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(stdin, p)
		if err == nil {
			return n, nil
		}
		if !again(stdin, err) {
			return 0, err
		}
	}
}

func writeAll(fd handle, p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Write(fd, p)
		if n > 0 {
			p = p[n:]
		}
		if err != nil && !again(fd, err) {
			return failure{"write the answer", err}
		}
	}
	return nil
}

// again reports whether a call is to be repeated. A stream that does not
// block, which package os would leave to its poller, is made to block.
func again(fd handle, err error) bool {
	return err == syscall.EINTR || err == syscall.EAGAIN && syscall.SetNonblock(fd, false) == nil
}

type refusal string

func (r refusal) Error() string { return string(r) }

type failure struct {
	what string
	err  error
}

func (f failure) Error() string { return f.what + ": " + f.err.Error() }
func (f failure) Unwrap() error { return f.err }
