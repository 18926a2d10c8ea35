package backends

import (
	"slices"
	"strings"
	"testing"
)

func TestParseCPUs(t *testing.T) {
	for list, want := range map[string][]int{
		"0": {0}, "0-2,5": {0, 1, 2, 5}, "3, 1-2,2": {1, 2, 3}, "8191": {8191},
		"": nil, "a": nil, "2-1": nil, "1-": nil, "-1": nil, "0,,1": nil, "8192": nil, "0-99999999999": nil,
	} {
		if got, err := ParseCPUs(list); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, %v, want %v", list, got, err, want)
		}
	}
	for list, want := range map[string]string{"": "", "0-1": "", "2": "names 2", "x": "no list"} {
		ps := CheckCPUs("cpuset", list, 2)
		if (len(ps) > 0) != (want != "") || len(ps) > 0 && !strings.Contains(ps[0].Detail, want) {
			t.Errorf("%q: %v", list, ps)
		}
	}
}

func FuzzParseCPUs(f *testing.F) {
	f.Add("0-2,5")
	f.Fuzz(func(t *testing.T, list string) {
		cpus, err := ParseCPUs(list)
		if err == nil && (len(cpus) == 0 || cpus[0] < 0 || !slices.IsSorted(cpus)) {
			t.Errorf("%q: %v", list, cpus)
		}
	})
}
