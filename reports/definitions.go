package reports

import (
	"fmt"
	"strings"
)

// definitions is the section that says what the numbers hold.
type definitions struct {
	Words        []fact
	ReadySources string
}

func newDefinitions(s *Summary) definitions { return definitions{terms, readySources(s)} }

var terms = []fact{
	{"startup", "from the request until ready, the function's own first instruction. It holds what the start leaves to be done: compiling or creating a container (cold), loading compiled code (cached), making an instance or starting a created container (prepared)."},
	{"runtime", "from ready until the function says that it is done, or until the last byte of its answer where it says nothing. It holds receiving the request, which a container gets through the engine's stream: up to some milliseconds, and most of the runtime of a function that does nothing."},
	{"total", "from the request until the last byte of the answer: what a caller waits for."},
	{"teardown", "from the answer until the module is closed or the container removed. No caller waits for it; counted as runtime, it makes containers look slow."},
	{"cold", "nothing is ready but the files: compile and instantiate, or create and start a container whose image is there."},
	{"cached", "compiled code is loaded from disk. Containers have nothing like it."},
	{"prepared", "the compiled module is in memory, or the container is created: instantiate or start only."},
	{"warm", "a live instance or container answers."},
	{"phases", "create, launch, init (together the startup), execute, respond, exit, remove. Where an event was not seen, two phases are one, under the earlier name."},
	{"CPU time, peak memory", "medians, of trials that ended well. A module's are those of its thread and of its linear memory, compiling included where the start compiles. A container's are those of its control group: with the first steps of its runtime, and the files that were read for it. The two are not of the same things."},
	{"median, interval", "the middle of the trials that ended well, and an interval that holds the true median in at least 95 of 100 cases, whatever the distribution. Fewer than 6 trials give none. No sample is left out for being far off."},
}

func readySources(s *Summary) string {
	sources := []fact{
		{"stamp", "by the function's own clock"}, {"marker", "by the arrival of the function's marker"},
		{"started", "by the backend's word that it had started, for want of a marker"},
	}
	count, n := map[string]int{}, 0
	for _, c := range s.Cells {
		for source, k := range c.ReadySources {
			count[source] += k
			n += k
		}
	}
	var parts []string
	for _, w := range sources {
		if count[w.Key] > 0 {
			parts = append(parts, fmt.Sprintf("in %d %s", count[w.Key], w.Value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of the %d trials that count, ready was told %s.", n, strings.Join(parts, ", "))
}
