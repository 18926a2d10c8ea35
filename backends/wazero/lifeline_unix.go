//go:build unix

package wazero

import (
	"os"
	"os/exec"
)

// lifeline is a pipe whose one end the child has, and whose other end only the
// parent holds: it ends when the parent does, however that dies.
type lifeline struct{ theirs, ours *os.File }

// theirEnd is the number of the child's end: the first after its streams.
const theirEnd = 3

// hold gives a command, before it starts, its end.
func hold(cmd *exec.Cmd) (*lifeline, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{theirs}
	return &lifeline{theirs, ours}, nil
}

// started leaves the child's end to the child.
func (l *lifeline) started() { l.theirs.Close() }

func (l *lifeline) Close() error { return l.ours.Close() }

// endWithParent ends this process, a child, when its parent ends.
func endWithParent() {
	go func() {
		os.NewFile(theirEnd, "lifeline").Read(make([]byte, 1))
		os.Exit(1)
	}()
}
