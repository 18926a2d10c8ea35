//go:build !unix

package build

// trusted finds nothing: on this system a user's folders belong to that user.
func trusted(string) error { return nil }
