package backends

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestNamespaceHelper is no test: TestOwnerOfAnotherNamespace runs it in a PID
// namespace of its own. It says who it is, judges the owner that it is given,
// and lives until its input ends.
func TestNamespaceHelper(t *testing.T) {
	theirs := os.Getenv("NEBULA_TEST_OWNER")
	if theirs == "" {
		t.Skip("another test runs it")
	}
	var o Owner
	if err := json.Unmarshal([]byte(theirs), &o); err != nil {
		t.Fatal(err)
	}
	fate, why := o.Fate()
	own, ownWhy := NewOwner("inner").Fate()
	b, _ := json.Marshal(said{NewOwner("inner"), fate, why, own, ownWhy})
	os.Stdout.Write(append(b, '\n'))
	io.Copy(io.Discard, os.Stdin)
}

type said struct {
	Owner  Owner
	Outer  Fate
	Why    string
	Own    Fate
	OwnWhy string
}

// TestOwnerOfAnotherNamespace judges a living owner in another PID namespace
// from without, from within, and once it is dead.
func TestOwnerOfAnotherNamespace(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	me, _ := json.Marshal(NewOwner("outer"))
	c := exec.Command(exe, "-test.run=^TestNamespaceHelper$")
	c.Env = append(os.Environ(), "NEBULA_TEST_OWNER="+string(me))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	}
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Skipf("no PID namespace can be made here: %v", err)
	}
	defer c.Wait()
	defer in.Close()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var inner said
	if err := json.Unmarshal(line, &inner); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if inner.Owner.PID != 1 || inner.Owner.Namespace == pidNamespace() {
		t.Fatalf("not in a namespace of its own: %+v", inner.Owner)
	}
	if inner.Outer != Unknown {
		t.Errorf("seen from within, the owner without: fate %d (%s), want unknown", inner.Outer, inner.Why)
	}
	if inner.Own == Gone {
		t.Errorf("by its own word it is gone")
	}
	judge := func(when string, initial, elsewhere Fate) {
		t.Helper()
		want := elsewhere
		if pidNamespace() == initialNamespace && seesAll() {
			want = initial
		}
		fate, why := inner.Owner.Fate()
		old := inner.Owner
		old.Machine, old.Namespace = "", ""
		oldFate, oldWhy := old.Fate()
		if fate != want || oldFate != want {
			t.Errorf("%s: fate %d (%s), by an older version's label %d (%s), want %d", when, fate, why, oldFate, oldWhy, want)
		}
	}
	judge("living", Lives, Unknown)
	c.Process.Kill()
	c.Wait()
	judge("dead", Gone, Unknown)
}
