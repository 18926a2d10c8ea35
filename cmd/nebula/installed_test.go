package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestInstalled builds the program as go install does, without the chart
// library: its pages name the hosted copy, and hold the library once the cache
// does.
func TestInstalled(t *testing.T) {
	t.Parallel()
	library := abs("../../reports/web/dist/echarts.min.js")
	b, err := os.ReadFile(library)
	if err != nil {
		t.Skip("the chart library is not here to be put into a cache (make charts)")
	}
	dir := t.TempDir()
	without, err := json.Marshal(map[string]any{"Replace": map[string]string{library: "", abs("../../reports/web/dist/LICENSES.txt"): ""}})
	if err != nil {
		t.Fatal(err)
	}
	overlay, program, out, cache := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "nebula"), filepath.Join(dir, "reports"), filepath.Join(dir, "cache")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := os.WriteFile(overlay, without, 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if err := os.CopyFS(filepath.Join(out, "runs"), os.DirFS("testdata/runs")); err != nil {
		t.Fatal(err)
	}
	page := func() string {
		c := exec.Command(program, "report", "--out", out, "--offline", "--verbose")
		c.Env = append(os.Environ(), "NEBULA_CACHE="+cache)
		if text, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		pages, _ := filepath.Glob(filepath.Join(out, "runs", "until", "*", "index.html"))
		text, err := os.ReadFile(pages[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := page(); !strings.Contains(text, "built without the chart library") || strings.Contains(text, `<script src="assets/`) {
		t.Error("without the library, the page does not say so")
	}
	charts := filepath.Join(cache, "charts")
	if err := os.MkdirAll(charts, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(charts, "echarts-6.1.0.min.js"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := page(); strings.Contains(text, "built without the chart library") || !strings.Contains(text, `<script src="assets/`) {
		t.Error("with the library in the cache, the page does not hold it")
	}
}
