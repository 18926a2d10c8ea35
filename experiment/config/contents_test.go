package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/nebula-bench/nebula/experiment"
)

// sparse makes a file of so many bytes that takes no room.
func sparse(t *testing.T, file string, size int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHeldOnce: one file that 200 inputs ask for and expect is in memory once,
// and its digest is made once.
func TestHeldOnce(t *testing.T) {
	dir := t.TempDir()
	sparse(t, filepath.Join(dir, "large"), maxContent)
	file := filepath.Join(dir, "x.hcl")
	src := strings.Replace(hello, `source = "."`, `
  source = "."
  inputs = { for i in range(200) : i => { stdin = { file = i % 2 == 0 ? "large" : "./large" }, expect = { file = "large" } } }
`, 1)
	if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	x, ps := language().Load(file, Inputs{})
	if x == nil {
		t.Fatal(print(t, ps))
	}
	held := map[*byte]bool{}
	for _, in := range x.Functions[0].Inputs {
		if len(in.Stdin) != maxContent || len(*in.Expect.Text) != maxContent {
			t.Fatalf("input %s has %d and %d bytes", in.Name, len(in.Stdin), len(*in.Expect.Text))
		}
		held[unsafe.StringData(in.Stdin)], held[unsafe.StringData(*in.Expect.Text)] = true, true
	}
	if len(held) != 1 {
		t.Errorf("the file is held %d times", len(held))
	}
	if _, err := experiment.NewPlan(x, nil, func(experiment.Function, experiment.Backend, experiment.Start) experiment.Lack {
		return experiment.Lack{}
	}); err != nil {
		t.Error(err)
	}
}

// TestContentBounds: a file is as long as a request can be, and all of them
// together fit into memory.
func TestContentBounds(t *testing.T) {
	dir := t.TempDir()
	sparse(t, filepath.Join(dir, "larger"), maxContent+1)
	file := filepath.Join(dir, "x.hcl")
	for _, test := range []struct{ inputs, want string }{
		{`{ a = { stdin = { file = "larger" } } }`, `Request not readable; "larger" is longer than 64 MiB: use text and size, or let the function make it.`},
		{`{ a = { expect = { file = "larger" } } }`, `Answer not readable; "larger" is longer than 64 MiB: use sha256 instead.`},
	} {
		if err := os.WriteFile(file, []byte(strings.Replace(hello, `source = "."`, "\n  source = \".\"\n  inputs = "+test.inputs+"\n", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		x, ps := language().Load(file, Inputs{})
		if x != nil || len(ps.Diagnostics) != 1 || !strings.HasSuffix(ps.Error(), test.want) {
			t.Errorf("%s: got %v", test.inputs, ps.Diagnostics)
		}
	}
	ld := &loader{dir: dir, contents: map[string]string{}, named: map[string]bool{}, allContents: maxAllContents - 10}
	sparse(t, filepath.Join(dir, "ten"), 10)
	sparse(t, filepath.Join(dir, "one"), 1)
	if ld.content64(start("x.hcl"), "ten", "Request", "") == nil || ld.content64(start("x.hcl"), "one", "Request", "") != nil {
		t.Error("the files are not counted together")
	}
	if want := "x.hcl:1,1-1: Too many bytes; Together the files of requests and answers have more than 1024 MiB. Use fewer, or several experiments."; ld.diags.Error() != want {
		t.Errorf("got %v", ld.diags)
	}
}
