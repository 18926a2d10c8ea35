package reports

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFactsAreTypedOnce: the level of intervals, the margin, and what
// statistics need at least are constants; no sentence, template or script
// types one of them again. What a sentence says follows when it changes.
func TestFactsAreTypedOnce(t *testing.T) {
	typed := regexp.MustCompile(`\b95 ?%|\b95 percent|"2 ?%"|\bthe 3 that|at least [36]\b|margin of 2`)
	comment := regexp.MustCompile(`^\s*(//|\*)`)
	seen := 0
	for _, root := range []string{".", "../cmd/nebula"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "dist" || d.Name() == "_starter"):
				return fs.SkipDir
			case d.IsDir() || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			switch filepath.Ext(name) {
			case ".go", ".tmpl", ".js":
			default:
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			seen++
			for line := range strings.Lines(string(text)) {
				if !comment.MatchString(line) && typed.MatchString(line) {
					t.Errorf("%s: %s", name, strings.TrimSpace(line))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}
