package backends

import (
	"slices"
	"strconv"
	"testing"
)

func TestRecent(t *testing.T) {
	var r Recent
	for i := range MostLive {
		r.Use(strconv.Itoa(i))
	}
	if got := r.Excess(0); len(got) > 0 {
		t.Errorf("without need, %v end", got)
	}
	r.Use("0")
	if got := r.Excess(2); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("of %v, %v end", r, got)
	}
	r.Forget("1")
	if got := r.Excess(1); len(got) > 0 {
		t.Errorf("of %v, %v end", r, got)
	}
	if got := r.Excess(100); len(got) != MostLive-1 {
		t.Errorf("of %v, %v end", r, got)
	}
}
