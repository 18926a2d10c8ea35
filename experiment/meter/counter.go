package meter

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// counter is a file that holds a number. It stays open: opening it each time
// costs ten times as much.
type counter struct {
	path string
	file *os.File
	buf  [32]byte
}

// openCounter opens a counter and reads it once. The counter is never nil.
func openCounter(path string) (*counter, error) {
	c := &counter{path: path}
	var err error
	if c.file, err = os.Open(path); err != nil {
		return c, err
	}
	if _, err := c.read(); err != nil {
		c.file.Close()
		return c, err
	}
	return c, nil
}

func (c *counter) read() (uint64, error) {
	n, err := c.file.ReadAt(c.buf[:], 0)
	if n == 0 && err != nil {
		return 0, err
	}
	v, ok := parseCount(c.buf[:n])
	if !ok {
		return 0, fmt.Errorf("%s: %q is no count", c.path, c.buf[:n])
	}
	return v, nil
}

// parseCount reads a decimal number and the end of its line.
func parseCount(text []byte) (uint64, bool) {
	end := 0
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	v, err := strconv.ParseUint(string(text[:end]), 10, 64)
	return v, err == nil && (end == len(text) || text[end] == '\n')
}

// readAgain is read, but after an error it opens what is there now for the
// next time: a driver that was loaded again has new files.
func (c *counter) readAgain() (uint64, error) {
	v, err := c.read()
	if err != nil {
		if f, err := os.Open(c.path); err == nil {
			c.file.Close()
			c.file = f
		}
	}
	return v, err
}

func closeAll(counters []*counter) error {
	var errs []error
	for _, c := range counters {
		errs = append(errs, c.file.Close())
	}
	return errors.Join(errs...)
}
