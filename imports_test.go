package nebula_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/nebula-bench/nebula/"

// may says which of our packages each package may import. A package that is
// not named here fails the test: its place must be decided.
var may = map[string][]string{
	"experiment":                          {},
	"experiment/config":                   {"experiment", "backends", "internal/regular", "internal/words"},
	"experiment/runner":                   {"experiment", "experiment/meter", "experiment/results", "experiment/stats", "backends", "internal/system", "internal/words"},
	"experiment/results":                  {"experiment", "internal/atomicfile", "internal/regular", "internal/system"},
	"experiment/machine":                  {"experiment", "experiment/meter", "internal/atomicfile"},
	"experiment/meter":                    {"internal/system"},
	"experiment/meter/simulator":          {"internal/system"},
	"experiment/stats":                    {},
	"backends":                            {"experiment", "internal/system"},
	"backends/build":                      {"experiment", "backends", "functions", "internal/atomicfile", "internal/regular", "internal/system"},
	"backends/module":                     {"internal/regular"},
	"backends/wazero":                     {"experiment", "backends", "backends/build", "backends/module", "internal/regular", "internal/system"},
	"backends/docker":                     {"experiment", "backends", "backends/build", "internal/regular", "internal/words"},
	"backends/backendtest":                {"experiment", "backends", "internal/testenv"},
	"backends/backendtest/testdata/probe": {"functions/protocol"},
	"reports":                             {"experiment", "experiment/results", "experiment/stats", "internal/regular", "internal/words"},
	"experiments":                         {},
	"functions":                           {},
	"functions/protocol":                  {},
	// It writes texts of what it is given.
	"internal/schedule":   {},
	"internal/atomicfile": {},
	"internal/regular":    {},
	"internal/dist":       {},
	"internal/words":      {},
	"internal/system":     {},
	"internal/testenv":    {},
	"cmd/nebula":          {"*"},
	"":                    {},
}

// TestImports keeps the arrows between packages. Functions import the
// protocol and nothing else of ours.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0]+"/", module)
		pkg = strings.TrimSuffix(pkg, "/")
		allowed, ok := may[pkg]
		if strings.HasPrefix(pkg, "functions/") && pkg != "functions/protocol" {
			allowed, ok = []string{"functions/protocol"}, true
		}
		if !ok {
			t.Errorf("package %s has no place in the design: name in this test what it may import", pkg)
			continue
		}
		for _, i := range fields[1:] {
			i, ours := strings.CutPrefix(i, module)
			if ours && !contains(allowed, i) {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
}

func contains(allowed []string, pkg string) bool {
	for _, a := range allowed {
		if a == pkg || a == "*" {
			return true
		}
	}
	return false
}
