package backends

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// maxCPU is the highest number of a processor that Linux is built for.
const maxCPU = 8191

// ParseCPUs reads a list of processors as Linux writes it, such as "0-2,5",
// and gives their numbers in order.
func ParseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(first, 10, 32)
		b := a
		if err == nil && ranged {
			b, err = strconv.ParseUint(last, 10, 32)
		}
		if err != nil || b < a || b > maxCPU {
			return nil, fmt.Errorf("%q is no list of processors: write numbers and ranges, such as \"0-2,5\"", list)
		}
		for n := a; n <= b; n++ {
			cpus = append(cpus, int(n))
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

// Processors is how many this machine has online, whatever this process may
// use of them.
func Processors() int {
	b, err := os.ReadFile("/sys/devices/system/cpu/online")
	if cpus, perr := ParseCPUs(strings.TrimSpace(string(b))); err == nil && perr == nil {
		return cpus[len(cpus)-1] + 1
	}
	return runtime.NumCPU()
}

// CheckCPUs is what is wrong with a list of processors, if it is given, on a
// machine that has so many.
func CheckCPUs(attribute, list string, processors int) []Problem {
	if list == "" {
		return nil
	}
	cpus, err := ParseCPUs(list)
	if err != nil {
		return []Problem{{attribute, "Invalid list of processors", err.Error() + "."}}
	}
	if last := cpus[len(cpus)-1]; last >= processors {
		return []Problem{{attribute, "No such processor",
			fmt.Sprintf("This machine has the processors 0 to %d, and %q names %d.", processors-1, list, last)}}
	}
	return nil
}
