package experiments

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write README.md again")

var page = template.Must(template.New("").Parse(`# Experiments

<!-- Made from the files' opening comments: go generate ./experiments -->

    nebula run experiments/quick.hcl                   # from a checkout
    nebula init --from quick && nebula run experiments/quick.hcl   # from anywhere

` + "With `--quick` each of them runs one block of its smallest inputs, in seconds." + `

| experiment | question | takes about |
|---|---|---|
{{range .}}| [{{.Name}}](#{{.Name}}) | {{.Question}} | {{.About}} |
{{end}}{{range .}}
## {{.Name}}

**{{.Question}}** [{{.Name}}.hcl]({{.Name}}.hcl)

- Source: {{.Source}}
- Look at: {{.LookAt}}
- Takes: {{.Takes}}
{{end}}`))

// TestREADME compares README.md with what the experiments say of themselves.
func TestREADME(t *testing.T) {
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := page.Execute(&want, all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("README.md", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("README.md is not what the experiments say (-want +got); go generate ./experiments writes it again:\n%s", diff)
	}
	// What is embedded is what lies here.
	files, err := filepath.Glob("*.hcl")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files, %d descriptions, %v", len(files), len(all), err)
	}
}

const good = "# Is it\n# so?\n#\n# Source:   A 2024, as said\n#           there.\n# Look at:  this.\n# Takes:    about 20 seconds. Needs Go.\n\nexperiment \"x\" {}\n"

func TestDescribe(t *testing.T) {
	got, err := Describe(good)
	want := Description{Question: "Is it so?", Source: "A 2024, as said there.", LookAt: "this.", Takes: "about 20 seconds. Needs Go."}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	for name, replace := range map[string][2]string{
		"no comment":            {good, "experiment \"x\" {}\n"},
		"no line between":       {"#\n", ""},
		"no question":           {"so?", "so."},
		"two questions":         {"it\n", "it? Or\n"},
		"another order":         {"# Source:   A 2024, as said\n#           there.\n# Look at:  this.", "# Look at:  this.\n# Source:   A 2024."},
		"twice":                 {"# Look at:", "# Source:   B\n# Look at:"},
		"nothing to look at":    {"# Look at:  this.\n", ""},
		"an unknown field":      {"Look at:", "Look:   "},
		"an empty field":        {"this.", ""},
		"indented too little":   {"#           there.", "#     there."},
		"a line of no comment":  {"# so?", "so?"},
		"no length of time":     {"about 20 seconds", "a while"},
		"a length without unit": {"20 seconds", "20"},
	} {
		if d, err := Describe(strings.Replace(good, replace[0], replace[1], 1)); err == nil {
			t.Errorf("%s: no error, but %+v", name, d)
		}
	}
}
