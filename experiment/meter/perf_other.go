//go:build !linux

package meter

import "errors"

// hasCounters says that this system may show energy by itself.
const hasCounters = false

// errNoEvents is why perf's door stays closed, whatever a tree of files says.
var errNoEvents = errors.New("perf events are Linux's, and this is another system")

func openEvent(uint32, uint64, int) (int, error) { return -1, errNoEvents }

func readEvent(int, []byte) (int, error) { return 0, errNoEvents }

func closeEvent(int) error { return nil }
