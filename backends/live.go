package backends

import "slices"

// MostLive is how many live instances an artifact keeps. Each combination of
// arguments and environment has one, and each holds memory: those that were
// asked least recently end first.
const MostLive = 8

// Recent are the keys of live instances, the least recently used first.
type Recent []string

// Use makes a key the most recent one.
func (r *Recent) Use(key string) {
	r.Forget(key)
	*r = append(*r, key)
}

// Forget takes a key out.
func (r *Recent) Forget(key string) {
	*r = slices.DeleteFunc(*r, func(k string) bool { return k == key })
}

// Excess gives the keys of those that must end to make room for so many more.
func (r Recent) Excess(more int) []string {
	return slices.Clone(r[:max(0, min(len(r), len(r)+more-MostLive))])
}
