package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// emulate has the kernel hand programs of another processor to qemu, so that
// a program's children are emulated too (binfmt_misc in the kernel's
// Documentation/admin-guide).
func emulate(t *testing.T, processor string, machine elf.Machine) {
	t.Helper()
	tool := "qemu-" + processor
	testenv.Need(t, tool)
	testenv.Need(t, "root")
	qemu, err := exec.LookPath(tool + "-static")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "/proc/sys/fs/binfmt_misc"
	if _, err := os.Stat(dir + "/register"); errors.Is(err, fs.ErrNotExist) {
		testenv.Lacks(t, tool, syscall.Mount("binfmt_misc", dir, "binfmt_misc", 0, ""))
		t.Cleanup(func() { syscall.Unmount(dir, 0) })
	}
	// The head of a program of 64 bits, least byte first, for that machine;
	// the mask leaves out the system's name and whether it can be moved.
	head := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, byte(machine), byte(machine >> 8)}
	mask := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff}
	escape := func(b []byte) string {
		var s strings.Builder
		for _, c := range b {
			fmt.Fprintf(&s, `\x%02x`, c)
		}
		return s.String()
	}
	name := fmt.Sprintf("nebula-test-%s-%d", processor, os.Getpid())
	// F opens the emulator now, for roots in which it is not.
	line := ":" + name + ":M::" + escape(head) + ":" + escape(mask) + ":" + qemu + ":F"
	testenv.Lacks(t, tool, os.WriteFile(dir+"/register", []byte(line), 0))
	t.Cleanup(func() { os.WriteFile(filepath.Join(dir, name), []byte("-1"), 0) })
}

// TestEmulated runs an experiment with the programs for other processors.
func TestEmulated(t *testing.T) {
	t.Parallel() // it measures nothing
	for _, test := range []struct {
		goarch, processor string
		machine           elf.Machine
		mode              string
		starts            []string
	}{
		{"arm64", "aarch64", elf.EM_AARCH64, "compiler", []string{"cold", "cached", "prepared", "warm"}},
		{"riscv64", "riscv64", elf.EM_RISCV, "interpreter", []string{"cold", "prepared", "warm"}},
	} {
		t.Run(test.goarch, func(t *testing.T) {
			testenv.Need(t, "clang")
			emulate(t, test.processor, test.machine)
			dir := t.TempDir()
			exe := filepath.Join(dir, "nebula")
			build := exec.Command("go", "build", "-o", exe, ".")
			build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+test.goarch, "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			const file = `experiment "emulated" {}
function "noop" {
  source   = %q # in C: an emulated compiler takes a hundred times as long for Go's runtime
  language = "c"
  input "nothing" { stdin = "" }
}
backend "wazero" "wasm" {
  mode  = %q
  start = ["%s"]
}
# What a processor may not have.
backend "wazero" "compiled" { start = ["prepared"] }
run {
  repetitions = 2
  warmup      = 0
  timeout     = "60s"
}
`
			text := fmt.Sprintf(file, abs("../../functions/noop"), test.mode, strings.Join(test.starts, `", "`))
			if err := os.WriteFile(filepath.Join(dir, "emulated.hcl"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			run := exec.Command(exe, "run", "emulated.hcl")
			run.Dir = dir
			run.Env = append(os.Environ(), "NEBULA_CACHE="+filepath.Join(dir, "cache"), "NEBULA_LOCK="+filepath.Join(dir, "lock"))
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			t.Logf("%.1f s: %s", time.Since(began).Seconds(), out)
			f, err := results.Find(filepath.Join(dir, "reports"), "latest")
			if err != nil {
				t.Fatal(err)
			}
			ok := map[string]int{}
			for _, trial := range storedTrials(t, f.Dir) {
				if trial.Outcome != experiment.OK {
					t.Errorf("trial %s %s: %s %s", trial.Backend, trial.Start, trial.Outcome, trial.Error)
				}
				if trial.Backend == "wazero.wasm" && !trial.Warmup {
					ok[string(trial.Start)]++
				}
			}
			for _, s := range test.starts {
				if ok[s] != 2 {
					t.Errorf("%s: %d trials, want 2", s, ok[s])
				}
			}
			if !strings.Contains(f.Run.Host.OS, test.goarch) {
				t.Errorf("run.json says %q", f.Run.Host.OS)
			}
			page, err := os.ReadFile(filepath.Join(f.Dir, "index.html"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(page, []byte("emulated: this program is for "+test.goarch)) {
				t.Error("the page does not say that the processor is emulated")
			}
			lacks := bytes.Contains(page, []byte("wazero has no compiler for linux/"+test.goarch))
			if want := test.mode == "interpreter"; lacks != want {
				t.Errorf("the page says that there is no compiler: %v, want %v", lacks, want)
			}
		})
	}
}

// storedTrials reads the records of a run.
func storedTrials(t *testing.T, dir string) (trials []results.Trial) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, results.TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var trial results.Trial
		if err := json.Unmarshal(line, &trial); err != nil {
			t.Fatal(err)
		}
		trials = append(trials, trial)
	}
	return trials
}
