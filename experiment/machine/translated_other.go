//go:build !darwin

package machine

// translated is macOS's to tell.
func translated() bool { return false }
