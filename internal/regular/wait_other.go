//go:build !unix

package regular

// withoutWaiting is nothing where paths lead to no pipes.
const withoutWaiting = 0
