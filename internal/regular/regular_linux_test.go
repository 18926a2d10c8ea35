package regular

import (
	"os"
	"testing"
	"time"
)

// TestSlowReader takes longer than a silent file of the kernel may: a file that
// has a size can be read to its end, even where it can be polled.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const polled = "/sys/kernel/uevent_seqnum"
	if _, err := os.Stat(polled); err != nil {
		t.Skip(err)
	}
	f, _, err := Open(polled)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	time.Sleep(patience + 100*time.Millisecond)
	if n, err := f.Read(make([]byte, 10)); n == 0 || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}
