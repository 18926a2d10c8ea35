//go:build !unix

package build

// trusted has nothing to say: a user's folders are that user's here.
func trusted(string) error { return nil }
