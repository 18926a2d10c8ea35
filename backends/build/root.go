package build

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
)

// CacheRoot is the folder of all that Nebula keeps between runs:
// NEBULA_CACHE, or else "nebula" in the user's cache folder. Where others could
// put programs into that, a folder of this process alone takes its place:
// CacheDistrusted says so, and DropPrivateCache removes it.
func CacheRoot() string {
	root, _ := roots.of(wantedRoot())
	return root
}

// CacheDistrusted says why what lies in the wanted cache is not used, and how
// to mend that; it is empty where all is well.
func CacheDistrusted() string {
	_, why := roots.of(wantedRoot())
	return why
}

// DropPrivateCache removes what took the place of a cache that is not trusted.
func DropPrivateCache() {
	roots.mu.Lock()
	defer roots.mu.Unlock()
	for want, r := range roots.known {
		if r.why != "" {
			os.RemoveAll(r.dir)
			delete(roots.known, want)
		}
	}
}

func wantedRoot() string {
	if dir := os.Getenv("NEBULA_CACHE"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		// Services often have no HOME.
		if u, uerr := user.Current(); uerr == nil && filepath.IsAbs(u.HomeDir) {
			return filepath.Join(u.HomeDir, ".cache", "nebula")
		}
		return filepath.Join(os.TempDir(), "nebula-"+strconv.Itoa(os.Getuid()))
	}
	return filepath.Join(dir, "nebula")
}

// root is what became of a wanted cache.
type root struct{ dir, why string }

var roots = rootsOf{known: map[string]root{}}

type rootsOf struct {
	mu    sync.Mutex
	known map[string]root
}

func (r *rootsOf) of(want string) (dir, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, ok := r.known[want]; ok {
		return k.dir, k.why
	}
	// It is made before it is checked, so that nobody else can make it in
	// between. If that fails, whoever writes to it will say so.
	os.MkdirAll(filepath.Dir(want), 0o755)
	os.Mkdir(want, 0o700)
	k := root{dir: want}
	if err := trusted(want); err != nil {
		// Nobody can guess the name. If the folder can't be made, whoever writes
		// to it will say that too.
		private := filepath.Join(os.TempDir(), "nebula-cache-"+rand.Text())
		os.Mkdir(private, 0o700)
		k = root{private, fmt.Sprintf("the cache %s is not used, because others could put programs into it: %s; this run builds everything anew. Make the folder yours alone (chown, chmod go-w), or name another one with NEBULA_CACHE", want, err)}
	}
	r.known[want] = k
	return k.dir, k.why
}
