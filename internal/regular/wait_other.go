//go:build !unix

package regular

// withoutWaiting is no flag: on this system paths lead to no pipes.
const withoutWaiting = 0
