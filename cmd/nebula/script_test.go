package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/wazero"
	"github.com/nebula-bench/nebula/internal/testenv"
)

var update = flag.Bool("update", false, "update the golden files")

// TestMain lets the test's program be nebula, and nebula's child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == wazero.ChildCommand {
		main()
	}
	os.Setenv("NEBULA_OFFLINE", "true") // no test hangs on somebody's network
	testscript.Main(m, map[string]func(){"nebula": func() {
		machineRoot = os.Getenv("NEBULA_TEST_MACHINE")
		main()
	}, "spin": spin})
}

// spin keeps every processor busy until it is killed, or for a minute.
func spin() {
	for range runtime.NumCPU() {
		go func() {
			for n := 0; ; n++ {
			}
		}()
	}
	time.Sleep(time.Minute)
}

// TestScripts runs the commands as a user does, on a machine without Docker.
func TestScripts(t *testing.T) { scripts(t, "testdata/script") }

// TestDockerScripts does the same with a real engine.
func TestDockerScripts(t *testing.T) {
	testenv.Need(t, "docker")
	scripts(t, "testdata/docker")
}

// scripts runs a folder of scripts. Functions are built once for all of
// them, by the real toolchains.
func scripts(t *testing.T, dir string) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache := testCache(t)
	goEnv, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	vars := strings.Split(string(goEnv), "\n")
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		// [!tool:clang] skip: a tool of package testenv.
		Condition: func(cond string) (bool, error) {
			tool, ok := strings.CutPrefix(cond, "tool:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return testenv.Has(tool)
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("REPO", repo)
			e.Setenv("HOSTNAME", host)
			me := backends.NewOwner("")
			e.Setenv("BOOT", me.Boot)
			e.Setenv("PIDNS", me.Namespace)
			e.Setenv("MACHINE", me.Machine)
			e.Setenv("MYPID", strconv.Itoa(me.PID))
			e.Setenv("MYSTART", strconv.FormatUint(me.Started, 10))
			e.Setenv("NEBULA_CACHE", cache)
			e.Setenv("NEBULA_OFFLINE", "true")
			e.Setenv("NEBULA_LOCK", filepath.Join(e.WorkDir, "lock")) // scripts run side by side
			e.Setenv("NO_DOCKER", "unix:///var/run/no-such-engine.sock")
			for i, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
				e.Setenv(name, vars[i])
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lines":  cmdLines,
			"stored": cmdStored,
			"code":   cmdCode,
		},
	})
}

// cmdLines checks that a file has a number of lines: lines FILE N.
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: lines file n")
	}
	got := strings.Count(ts.ReadFile(args[0]), "\n")
	want := args[1]
	if same := want == strconv.Itoa(got); same == neg {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, want)
	}
}

// cmdCode runs nebula and checks its exit code: code N ARGS…. What it wrote is
// in the files stdout and stderr of the working folder.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: code n args…")
	}
	got := 0
	err := ts.Exec("nebula", args[1:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("nebula %s: exit code %d, want %s\n%s%s", strings.Join(args[1:], " "), got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
