package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/internal/system"
)

// machineLock is held while a run goes on. The kernel gives it free when its
// holder dies, however that happens; what then still stands in the file tells
// who that was.
type machineLock struct{ file *os.File }

// lockMachine takes the lock, and waits for it at most so long.
func lockMachine(stop context.Context, name string, patience time.Duration, owner backends.Owner, log zerolog.Logger) (*machineLock, error) {
	f, err := openLock(name)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("the lock that keeps two runs apart (--lock names another file): %w", err)}
	}
	l := &machineLock{f}
	told := false
	for until := time.Now().Add(patience); ; {
		err := system.TryLock(f)
		if err == nil {
			break
		}
		if !errors.Is(err, system.ErrLocked) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		holder := l.read()
		if time.Now().After(until) {
			f.Close()
			return nil, &exitError{exitUnfit, fmt.Errorf("this machine is busy with %s, and two runs side by side would measure each other; nothing was written. Wait for it: --wait 1h", holder)}
		}
		if !told {
			log.Info().Msgf("waiting for %s to end", holder)
			told = true
		}
		select {
		case <-stop.Done():
			f.Close()
			return nil, &exitError{exitInterrupted, errors.New("interrupted before the first trial; nothing was written")}
		case <-time.After(200 * time.Millisecond):
		}
	}
	if dead := l.read(); dead.PID != 0 {
		log.Warn().Msgf("%s ended without giving the lock back: it was killed", dead)
	}
	return l, l.write(owner)
}

// openLock opens the file, which may be another user's, and never a link
// that somebody has put in its place.
func openLock(name string) (*os.File, error) {
	const flags = os.O_RDWR | system.NoFollow
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.OpenFile(name, flags, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = os.OpenFile(name, flags|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return f, f.Chmod(0o666) // whatever the umask
}

// goesOn reports whether a run holds the lock, whoever's it is. It reads who
// does, and does not try the lock: for that moment a run could not have it.
func goesOn(name string) bool {
	f, err := os.OpenFile(name, os.O_RDONLY|system.NoFollow|system.NoWait, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	h := (&machineLock{f}).read()
	return h.PID != 0 && !h.Gone()
}

// lockHolder is what stands in the file.
type lockHolder struct {
	backends.Owner
	Command []string  `json:"command"`
	Since   time.Time `json:"since"`
}

func (h lockHolder) String() string {
	if h.PID == 0 {
		return "another run"
	}
	return fmt.Sprintf("run %s (process %d, since %s)", h.Run, h.PID, h.Since.Local().Format(time.DateTime))
}

func (l *machineLock) read() (h lockHolder) {
	b, err := io.ReadAll(io.NewSectionReader(l.file, 0, 1<<16))
	if err != nil || json.Unmarshal(b, &h) != nil {
		return lockHolder{} // empty, or being written
	}
	return h
}

func (l *machineLock) write(owner backends.Owner) error {
	b, err := json.Marshal(lockHolder{owner, os.Args, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(b, 0)
	return err
}

// release gives the lock back in good order.
func (l *machineLock) release() {
	l.file.Truncate(0)
	l.file.Close()
}
