package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBlocks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w := write(t, dir, 1)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range f.Blocks() {
		t.Errorf("of a run without: %v, %v", b, err)
	}
	share, n := 0.25, int64(3)
	at := time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)
	want := []Block{
		{Block: 1, To: 4, Start: at, End: at.Add(time.Second), Others: &share, Stolen: &share, Throttled: &n, Swapped: &n},
		{Start: at, End: at.Add(time.Second), Others: &share}, // of a run without blocks
	}
	for _, b := range want {
		if err := w.Block(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// What a kill tore is dropped, and cut off before the run goes on.
	file := filepath.Join(dir, BlocksFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(whole, `{"block":5,"to`...), 0o644); err != nil {
		t.Fatal(err)
	}
	var got []Block
	for b, err := range f.Blocks() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *b)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got[0].Len() != 4 || got[1].Len() != 1 {
		t.Errorf("%d and %d blocks", got[0].Len(), got[1].Len())
	}
	if w, err = Resume(dir); err != nil {
		t.Fatal(err)
	}
	if err := w.Mend(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if b, err := os.ReadFile(file); err != nil || string(b) != string(whole) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestBadBlocks(t *testing.T) {
	for line, want := range map[string]string{
		`{"block":2,"to":1,"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z"}`:              "blocks count from 1",
		`{"block":-1,"to":1,"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z"}`:             "blocks count from 1",
		`{"to":1,"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z"}`:                        "blocks count from 1",
		`{"start":"2026-11-22T02:30:01Z","end":"2026-11-22T02:30:00Z"}`:                               "ends before it starts",
		`{"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z","others":1.5}`:                  "a share of the processors' time is 1.5",
		`{"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z","stolen":-1}`:                   "a share of the processors' time is -1",
		`{"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z","throttled":-1}`:                "a count is -1",
		`{"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z","other_people":0.1}`:            "other_people",
		`{"start":"2026-11-22T02:30:00Z","end":"2026-11-22T02:30:01Z","others":"much"}`:               "others",
		`{"block":1,"to":9223372036854775807,"start":"2026-11-22T02:30:00Z","end":"9999-01-01T0:0Z"}`: "end",
	} {
		dir := filepath.Join(t.TempDir(), "run")
		write(t, dir, 1).Close()
		if err := os.WriteFile(filepath.Join(dir, BlocksFile), []byte(line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range f.Blocks() {
			n++
			if err == nil || !strings.Contains(err.Error(), BlocksFile+":1: not a record of blocks") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", line, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d records", line, n)
		}
	}
}
