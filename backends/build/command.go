package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/internal/system"
)

// maxOutput bounds what an error keeps of a tool's output. The first errors
// of a compiler are the ones that matter.
const maxOutput = 8 << 10

// toolError says that a tool ran and failed.
type toolError struct {
	tool   string
	err    error
	output string
}

func (e *toolError) Error() string {
	if e.output == "" {
		return fmt.Sprintf("%s: %v", e.tool, e.err)
	}
	return fmt.Sprintf("%s: %v\n%s", e.tool, e.err, e.output)
}

func (e *toolError) Unwrap() error { return e.err }

// head keeps the beginning of what is written to it.
type head struct {
	kept []byte
	lost int
}

func (h *head) Write(p []byte) (int, error) {
	keep := min(len(p), maxOutput-len(h.kept))
	h.kept = append(h.kept, p[:keep]...)
	h.lost += len(p) - keep
	return len(p), nil
}

func (h *head) text() string {
	s := strings.TrimSpace(strings.ToValidUTF8(string(h.kept), "\uFFFD"))
	if h.lost > 0 {
		s += fmt.Sprintf("\n… and %d bytes more", h.lost)
	}
	return s
}

// run runs a tool in a folder and returns what it wrote to standard output.
// There is no shell, and a tool that is stopped takes its children along.
func (j job) run(ctx context.Context, dir string, env []string, tool string, args ...string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(environment(), []string{"PWD=" + dir, "TMPDIR=" + j.work}, env)
	cmd.WaitDelay = 5 * time.Second // for a grandchild that left the group and holds the pipe
	var stdout bytes.Buffer
	var stderr head
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := system.Run(cmd)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		if len(stderr.kept) == 0 {
			stderr.Write(stdout.Bytes())
		}
		return nil, &toolError{filepath.Base(tool), err, stderr.text()}
	}
	return stdout.Bytes(), nil
}

// environment is what of the user's environment a compiler sees: where tools
// and caches are and how to reach the network, and nothing that would change
// the outcome without being in the cache's key.
func environment() []string {
	keep := func(name string) bool {
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR",
			"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
			"CARGO_HOME", "CARGO_NET_OFFLINE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME":
			return true
		}
		return strings.HasPrefix(name, "RUSTUP_") || strings.HasPrefix(name, "GO") && !slices.Contains(goOwn, name)
	}
	var env []string
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); keep(name) {
			env = append(env, kv)
		}
	}
	// C keeps messages in the language that missing looks for; the date is
	// for __DATE__.
	return append(env, "LC_ALL=C", "SOURCE_DATE_EPOCH=0")
}

// missing is the error for a tool that is not on this machine.
func (j job) missing(what, remedy string) error {
	return &backends.Unavailable{
		What:   fmt.Sprintf("%s found, needed to build function %q for %s", what, j.function.Name, j.target.platform()),
		Remedy: remedy,
	}
}

// said reports whether a tool failed with one of these words.
func said(err error, words ...string) bool {
	var failed *toolError
	if !errors.As(err, &failed) {
		return false
	}
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(failed.output, w) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return strings.TrimSpace(line)
}
