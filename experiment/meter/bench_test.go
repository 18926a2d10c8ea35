package meter

import (
	"runtime"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// BenchmarkRead shows what a reading of one zone costs.
func BenchmarkRead(b *testing.B) {
	p := open(b, tree{"intel-rapl:0": zone("package-0", "123456789")}.write(b))
	for b.Loop() {
		if _, err := p.Read(0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKiloHertz shows what a Meter takes that reads two zones a thousand
// times each second: the share of a core for reading, with waking up, and what
// a thread takes that only wakes up as often, which is the machine's alone.
// (A loop in C that sleeps takes as much: 2 % of a core of a virtual machine,
// whatever it sleeps by: nanosleep, timerfd, poll or a POSIX timer.)
func BenchmarkKiloHertz(b *testing.B) {
	m := Watch(open(b, tree{"intel-rapl:0": zone("package-0", "123456789"), "intel-rapl:0:0": zone("dram", "1234567")}.write(b)), nil)
	defer m.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	reading := int64(0)
	began, first := time.Now(), system.ProcessCPU()
	for b.Loop() {
		before := system.ThreadCPU()
		m.read()
		reading += system.ThreadCPU() - before
		m.clock.Sleep(b.Context(), time.Millisecond)
	}
	share := func(cpu int64) float64 { return 100 * float64(cpu) / float64(time.Since(began)) }
	b.ReportMetric(share(reading), "%core-reading")
	b.ReportMetric(share(system.ProcessCPU()-first), "%core-with-waking")

	began, first = time.Now(), system.ProcessCPU()
	for range b.N {
		m.clock.Sleep(b.Context(), time.Millisecond)
	}
	b.ReportMetric(share(system.ProcessCPU()-first), "%core-waking-alone")
}
