package meter

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
// times each second: the share of a core for reading, and with waking up. The
// second is the machine's more than ours (a loop in C that only sleeps takes
// 1.4 % of a core on a virtual machine where this one takes 3 %).
func BenchmarkKiloHertz(b *testing.B) {
	m := Watch(open(b, tree{"intel-rapl:0": zone("package-0", "123456789"), "intel-rapl:0:0": zone("dram", "1234567")}.write(b)), nil)
	defer m.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	reading := int64(0)
	began, first := time.Now(), kernelTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	for b.Loop() {
		before := kernelTime(unix.CLOCK_THREAD_CPUTIME_ID)
		m.read()
		reading += kernelTime(unix.CLOCK_THREAD_CPUTIME_ID) - before
		m.clock.Sleep(b.Context(), time.Millisecond)
	}
	wall := float64(time.Since(began))
	b.ReportMetric(100*float64(reading)/wall, "%core-reading")
	b.ReportMetric(100*float64(kernelTime(unix.CLOCK_PROCESS_CPUTIME_ID)-first)/wall, "%core-with-waking")
}
