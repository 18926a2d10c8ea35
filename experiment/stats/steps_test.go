package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// nights draws a series of medians: noise around a level that changes by a
// ratio from each of some nights on, and now and then a bad night.
func nights(seed uint64, n int, noise float64, steps map[int]float64, bad float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 11))
	level := 100e6
	xs := make([]float64, n)
	for i := range xs {
		if r, ok := steps[i]; ok {
			level *= r
		}
		xs[i] = level * math.Exp(noise*rng.NormFloat64())
		if rng.Float64() < bad {
			xs[i] *= 1.5
		}
	}
	return xs
}

// TestStepIsDated injects a step at night 60 of 90.
func TestStepIsDated(t *testing.T) {
	const seeds = 300
	for _, test := range []struct {
		name              string
		noise, ratio, bad float64
		least             int // of seeds
	}{
		{"10 % in noise of 3 %", 0.03, 1.10, 0, 294},
		{"10 % in noise of 3 %, with bad nights", 0.03, 1.10, 0.02, 290},
		{"5 % in noise of 1 %", 0.01, 1.05, 0, 296},
		{"25 % less in noise of 5 %", 0.05, 0.75, 0, 296},
	} {
		found, dated, others := 0, 0, 0
		for seed := range uint64(seeds) {
			hit := false
			for _, s := range Steps(nights(seed, 90, test.noise, map[int]float64{60: test.ratio}, test.bad)) {
				if s.At >= 50 && s.At < 70 && !hit {
					hit = true
					if math.Abs(float64(s.At-60)) <= 2 {
						dated++
					}
					if math.Abs(math.Log(s.After/s.Before)-math.Log(test.ratio)) < 3*test.noise {
						found++
					}
					continue
				}
				others++
			}
		}
		t.Logf("%s: %d of %d within 2 nights, %d of the right size, %d other steps", test.name, dated, seeds, found, others)
		if dated < test.least || found < test.least || others > seeds/20 {
			t.Errorf("%s: %d within 2 nights, %d of the right size, %d other steps", test.name, dated, found, others)
		}
	}
}

// TestFlatHasNoSteps draws a year of nights on which nothing happened.
func TestFlatHasNoSteps(t *testing.T) {
	const seeds = 300
	for _, bad := range []float64{0, 0.03} {
		with, most := 0, 0
		for seed := range uint64(seeds) {
			n := len(Steps(nights(seed, 365, 0.03, nil, bad)))
			most = max(most, n)
			if n > 0 {
				with++
			}
		}
		t.Logf("bad nights %g: %d of %d series have steps, %d at most", bad, with, seeds, most)
		if with > seeds/50 || most > 1 {
			t.Errorf("bad nights %g: %d of %d flat series have steps, %d at most", bad, with, seeds, most)
		}
	}
}

func TestStepsOfOddSeries(t *testing.T) {
	same := make([]float64, 40)
	for i := range same {
		same[i] = 7
	}
	up := append(append([]float64{}, same[:20]...), 8, 8, 8, 8, 8, 8)
	holes := append([]float64{math.NaN(), 0, -1, math.Inf(1)}, up...)
	for name, test := range map[string]struct {
		xs []float64
		at []int
	}{
		"nothing":        {nil, nil},
		"too short":      {[]float64{1, 1, 9, 9, 9}, nil},
		"all the same":   {same, nil},
		"without noise":  {up, []int{20}},
		"with holes":     {holes, []int{24}},
		"one bad night":  {append(append([]float64{}, same[:20]...), append([]float64{70}, same[:19]...)...), nil},
		"there and back": {append(append([]float64{}, up...), same[:10]...), []int{20, 26}},
	} {
		var at []int
		for _, s := range Steps(test.xs) {
			at = append(at, s.At)
		}
		if len(at) != len(test.at) || len(at) > 0 && (at[0] != test.at[0] || at[len(at)-1] != test.at[len(at)-1]) {
			t.Errorf("%s: steps at %v, want %v", name, at, test.at)
		}
	}
}

func BenchmarkSteps(b *testing.B) {
	xs := nights(1, 365, 0.03, map[int]float64{200: 1.1}, 0.02)
	for b.Loop() {
		Steps(xs)
	}
}
