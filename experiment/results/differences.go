package results

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Difference is one fact in which two runs differ.
type Difference struct {
	What string `json:"what"` // host.kernel, backends.docker.x.engine.runc, …
	A    string `json:"a"`    // empty: the run does not say
	B    string `json:"b"`
}

// Differences lists the facts that may explain why two runs gave different
// numbers: the programs, the machine, the engines, the artefacts and what was
// asked for. What differs between any two runs, such as when they began, is
// left out.
func Differences(a, b *Run) ([]Difference, error) {
	fa, err := facts(a)
	if err != nil {
		return nil, err
	}
	fb, err := facts(b)
	if err != nil {
		return nil, err
	}
	var ds []Difference
	for _, what := range slices.Sorted(maps.Keys(fa)) {
		if fa[what] != fb[what] {
			ds = append(ds, Difference{what, fa[what], fb[what]})
		}
	}
	for what := range fb {
		if _, ok := fa[what]; !ok {
			ds = append(ds, Difference{What: what, B: fb[what]})
		}
	}
	slices.SortFunc(ds, func(x, y Difference) int { return strings.Compare(x.What, y.What) })
	return ds, nil
}

// comparable are the parts of run.json that explain numbers.
var comparable = []string{"nebula", "binary", "host", "variables", "asked", "backends", "artifacts", "mounts", "energy", "resolved"}

// longest is how much of a text is compared in sight; of a longer one, the
// digest.
const longest = 200

func facts(r *Run) (map[string]string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // sizes stay whole
	var parts map[string]any
	if err := d.Decode(&parts); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range comparable {
		if v, ok := parts[name]; ok {
			flatten(out, name, v)
		}
	}
	return out, nil
}

func flatten(out map[string]string, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(out, at+"."+k, e)
		}
	case []any:
		for i, e := range v {
			flatten(out, at+"."+label(e, i), e)
		}
	case nil:
	default:
		s := fmt.Sprint(v)
		if len(s) > longest {
			sum := sha256.Sum256([]byte(s))
			s = fmt.Sprintf("sha256:%s, %d bytes", hex.EncodeToString(sum[:]), len(s))
		}
		if s != "" {
			out[at] = s
		}
	}
}

// label calls an element of a list by its name where it has one, so that one
// more in the middle does not make all that follow differ.
func label(e any, i int) string {
	if m, ok := e.(map[string]any); ok {
		for _, key := range []string{"Name", "Label"} {
			if name, ok := m[key].(string); ok {
				return name
			}
		}
	}
	return strconv.Itoa(i)
}

// Obstacle reports whether a difference forbids to go on with a run: its
// numbers before and after would not be of one thing.
func (d Difference) Obstacle() bool {
	part, rest, _ := strings.Cut(d.What, ".")
	switch part {
	case "binary":
		return d.A != "" // a run that was recorded before binaries were
	case "host":
		switch rest {
		case "commit", "dirty": // what ran has digests of its own
			return false
		case "memory_bytes":
			// A kernel keeps a little more or less for itself at each boot.
			a, aerr := strconv.ParseFloat(d.A, 64)
			b, berr := strconv.ParseFloat(d.B, 64)
			return cmp.Or(aerr, berr) != nil || a < 0.99*b || b < 0.99*a
		}
		return true
	case "artifacts":
		return strings.HasSuffix(rest, ".digest")
	case "mounts":
		return true
	case "energy":
		// Windows before and after would be of two counters.
		return (rest == "source" || rest == "simulated") && d.A != ""
	case "backends":
		return strings.Contains(rest, ".engine.") && !strings.HasSuffix(rest, ".engine.containers")
	}
	return false
}
