package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/backends/wazero"
	"github.com/nebula-bench/nebula/experiment"
)

// TestGeneratedFiles puts each wrong value into each place of a file that has
// everything. Places are found by asking the loader what it looks for, so a new
// attribute is among them without anybody thinking of it. By default it takes
// a sample; NEBULA_TEST_FILES says how many.
func TestGeneratedFiles(t *testing.T) {
	t.Parallel() // it measures nothing but that nothing hangs
	most := 600
	if s := os.Getenv("NEBULA_TEST_FILES"); s != "" {
		var err error
		if most, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	g := newGenerator(t)
	cases := g.cases(most)
	before := listing(t, g.dir)
	work := make(chan generated)
	var wg sync.WaitGroup
	for worker := range 4 {
		file := filepath.Join(g.dir, fmt.Sprintf("generated%d.hcl", worker))
		wg.Go(func() {
			for c := range work {
				g.check(t, file, c)
			}
			os.Remove(file)
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	wg.Wait()
	if after := listing(t, g.dir); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
	t.Logf("%d files, of %d places", len(cases), len(g.places))
}

// realLanguage is that of the command, with one more type of backend that has
// blocks.
func realLanguage() Language {
	return Language{
		Backends: map[string]func() backends.Options{
			"wazero": func() backends.Options { return &wazero.Options{} },
			"docker": func() backends.Options { return &docker.Options{} },
			"fake":   func() backends.Options { return &fake{} },
		},
		CheckFunction: build.Check,
	}
}

// spot is where a value stands in a file, or could.
type spot struct {
	at       hcl.Range // to be replaced; empty where something is put in
	before   string    // put before a value that is put in
	name     string    // for people
	kind     spotKind
	required bool // it can't just be left out
}

type spotKind int

const (
	plain    spotKind = iota
	anything          // takes every value: a local value, a default
	word              // no expression: a type, an iterator, an assertion
	pieces            // a list that is taken apart before it has a value
	operand           // of an operator that wants a number or a text
)

// generated is a file with a mistake or two.
type generated struct {
	name, text string
	// unsound says that one value can't be computed, so that there is exactly
	// one mistake to report.
	unsound bool
	wrong   bool   // it must not load
	same    string // the file that it must be as good as; empty: none
}

type generator struct {
	dir    string
	base   []byte
	places []spot
	blocks []hcl.Range // whole blocks
	labels []hcl.Range
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	g := &generator{dir: t.TempDir()}
	var err error
	if g.base, err = os.ReadFile("testdata/generated/everything.hcl"); err != nil {
		t.Fatal(err)
	}
	fixtures(t, g.dir)
	file := filepath.Join(g.dir, "everything.hcl")
	if err := os.WriteFile(file, g.base, 0o644); err != nil {
		t.Fatal(err)
	}
	// What the loader looks for in each block, by where the block ends.
	schemas := map[hcl.Pos][]*hcl.BodySchema{}
	l := realLanguage()
	ld := l.loader(file)
	ld.look = func(body hcl.Body, s *hcl.BodySchema) {
		at := body.MissingItemRange().Start
		schemas[at] = append(schemas[at], s)
	}
	if x, ps := ld.finish(ld.load(Inputs{})); x == nil {
		t.Fatalf("everything.hcl must load: %s", print(t, ps))
	}
	parsed, diags := hclsyntax.ParseConfig(g.base, file, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	g.body(t, parsed.Body.(*hclsyntax.Body), schemas, nil)
	return g
}

// fixtures makes the files that everything.hcl names, and some that nobody
// should.
func fixtures(t *testing.T, dir string) {
	t.Helper()
	for name, content := range map[string]string{
		"hello/main.go": "package main\n\nfunc main() {}\n", "fixtures/x": "x", "answer.txt": "a\n", "picture.bin": "\xff\x00",
		"base.tar": "",
		// A module with a memory and a _start that does nothing.
		"module.wasm":  "\x00asm\x01\x00\x00\x00\x01\x04\x01`\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b",
		"figures.json": `{"source": "s", "definition": "d", "figures": [{"machine": "m", "metric": "startup", "unit": "ms", "docker": 1}]}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	traps(t, dir)
}

// body collects the places of a block and of those within.
func (g *generator) body(t *testing.T, b *hclsyntax.Body, schemas map[hcl.Pos][]*hcl.BodySchema, of *hclsyntax.Block) {
	t.Helper()
	if of != nil && of.Type != "locals" && of.Type != "dynamic" && len(schemas[b.MissingItemRange().Start]) == 0 {
		t.Errorf("nobody looked into the %s at %s", of.Type, of.DefRange())
	}
	for _, name := range inOrder(b.Attributes, func(a *hclsyntax.Attribute) hcl.Range { return a.NameRange }) {
		kind := plain
		switch {
		case of.Type == "locals", of.Type == "variable" && name == "default":
			kind = anything
		case of.Type == "variable" && name == "type", of.Type == "dynamic" && name == "iterator", name == "assert":
			kind = word
		case of.Type == "dynamic" && name == "labels":
			kind = pieces
		}
		g.expr(b.Attributes[name].Expr, of.Type+"."+name, kind)
	}
	if of != nil {
		for _, s := range schemas[b.MissingItemRange().Start] {
			for _, a := range s.Attributes {
				if b.Attributes[a.Name] != nil {
					continue
				}
				in := of.OpenBraceRange
				in.Start = in.End
				g.places = append(g.places, spot{at: in, before: "\n" + a.Name + " = ", name: of.Type + "." + a.Name})
			}
		}
	}
	for _, inner := range b.Blocks {
		g.blocks = append(g.blocks, inner.Range())
		g.labels = append(g.labels, inner.LabelRanges...)
		g.body(t, inner.Body, schemas, inner)
	}
}

// expr collects an expression and the values that it is written from.
func (g *generator) expr(e hclsyntax.Expression, name string, kind spotKind) {
	g.places = append(g.places, spot{at: e.Range(), name: name, kind: kind, required: true})
	if kind != anything {
		kind = plain
	}
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			key, _ := item.KeyExpr.Value(nil)
			g.expr(item.ValueExpr, name+"."+key.AsString(), kind)
		}
	case *hclsyntax.TupleConsExpr:
		for _, e := range e.Exprs {
			g.expr(e, name+"[]", kind)
		}
	case *hclsyntax.BinaryOpExpr:
		g.expr(e.RHS, name+" bound", operand)
	}
}

// unsound are expressions that can't be computed. Behind a | stands what must
// be added to the file, which then has the mistake.
var unsound = []string{
	"var.typo", "local.typo", "typo", "nofunc(1)", "lookup({}, \"a\")", "1 / 0", "\"a\" + 1", "jsondecode(\"{\")", "file(\"missing\")", "lower([])",
	"var.unset|variable \"unset\" {}", "[var.unset]|variable \"unset\" {}",
	"var.bad|variable \"bad\" {\n  type    = number\n  default = \"x\"\n}",
	"var.worse|variable \"worse\" {\n  defualt = 1\n}",
	"local.circle|locals {\n  circle = local.square\n  square = local.circle\n}", "[local.circle]|locals {\n  circle = local.circle\n}",
	"local.broken|locals {\n  broken = lower([])\n}", "local.after|locals {\n  broken = lower([])\n  after  = \"${local.broken}!\"\n}",
	"{ a = local.broken }|locals {\n  broken = lower([])\n}", "\"a${local.broken}\"|locals {\n  broken = lower([])\n}",
	"local.broken.x[0]|locals {\n  broken = lower([])\n}", "local.broken[*].x|locals {\n  broken = jsondecode(\"\")\n}",
	"[for x in local.broken : x]|locals {\n  broken = jsondecode(\"\")\n}", "{ for k, v in local.broken : k => v }|locals {\n  broken = jsondecode(\"\")\n}",
	"local.broken ? \"a\" : \"b\"|locals {\n  broken = jsondecode(\"\")\n}", "try(local.broken, local.broken)|locals {\n  broken = jsondecode(\"\")\n}",
	"[\"a\", local.broken]|locals {\n  broken = jsondecode(\"\")\n}", "tolist(local.broken)|locals {\n  broken = jsondecode(\"\")\n}",
}

// wrongEverywhere are values that no attribute takes.
var wrongEverywhere = []string{"[[[]]]", "{ zzz = { zzz = [] } }", "[{ zzz = null }]", "pow(10, 1000)"}

// odd are values that some attribute may take.
var odd = []string{
	"null", "true", "false", "0", "-1", "0.5", "1e300", "-1e300", "1e-300", "999999999999999999999999", "[]", "{}", "[null]", "{ a = null }", "[1, \"a\", null]",
	"[\"\"]", "[\"a\", \"a\"]", "{ a = \"a\" }", "{ \"\" = \"\" }", "{ \"/data\" = \"/dev\" }", "{ \"/proc\" = \".\" }", "tolist([])", "tomap({})", "toset([\"a\"])", "toset([])", "[for i in [] : i]",
	"\"\"", "\" \"", "\"\\u0000\"", "\"a\\nb\"", "\"\\u001b[31m\"", "\"\\u202e\"", "\"\\ud83d\"", "\"*\"", "\"**\"", "\"a/b\"", "\"*.*/*\"", "\"/\"", "\".\"", "\"..\"", "\"../..\"",
	"\"/dev/zero\"", "\"/dev/stdin\"", "\"/dev/tty\"", "\"/proc/self/mem\"", "\"/proc\"", "\"pipe\"", "\"pipe.tar\"", "\"pipe.wasm\"", "\"pipe.json\"", "\"piped\"", "\"pipes\"", "\"link\"", "\"linked\"", "\"missing\"", "\"hello/main.go/x\"",
	"{ file = \"pipe\" }", "{ file = \"/dev/zero\" }", "{ file = \"linked\" }", "{ text = \"\", size = 1 }", "{ text = \"a\", size = \"1EiB\" }", "{ text = \"a\", size = -1 }", "{ regex = \"(\" }", "{ sha256 = \"x\" }", "[\"pipe\"]", "{ \"/d\" = \"pipe\" }", "{ \"/d\" = \"pipes\" }", "{ \"/d\" = \"/proc/self\" }",
	"\"1EiB\"", "\"-1\"", "\"1e9\"", "\"NaN\"", "\"Inf\"", "\"0x10\"", "\"99999999999999999999h\"", "\"-5s\"", "\"1ns\"", "\"9223372036854775807\"", "\"0-99999999\"", "\"all\"",
	"join(\"\", [for i in range(1000) : format(\"%999d\", i)])", "range(1000)", "{ for i in range(1000) : i => i }", "[for i in range(1000) : \"a\"]", "[for i in range(100) : range(150)]",
	"{ for i in range(300) : \"/d${i}\" => \"fixtures\" }", "substr(join(\"\", [for i in range(1000) : \"a\"]), 0, 300)", "cold", "compiler", "[cold]", "any", "string", "list(number)", "local", "var", "each.value", "<<EOT\na\nEOT\n",
}

// reference is an expression of whose value nothing is known at all.
var reference = regexp.MustCompile(`^(var\.[a-z]+|local\.(typo|circle|broken))(\||$)`)

// cases gives the files: each value in each place, and, where that is not
// enough, two mistakes at once. Of more than it should, it takes a sample.
func (g *generator) cases(most int) []generated {
	var all []generated
	for _, p := range g.places {
		all = append(all, g.inPlace(p)...)
	}
	for _, r := range g.labels {
		for _, v := range []string{`""`, `" "`, `"a/b"`, `"*"`, `"a\nb"`, `"wazero"`, `"docker"`, `"hello"`, `"` + strings.Repeat("a", 300) + `"`, `"é"`, "x", `"\u0000"`} {
			all = append(all, generated{name: "label " + v, text: g.with(edit{r, v})})
		}
		gap := r
		gap.Start = gap.End
		all = append(all, generated{name: "another label", text: g.with(edit{gap, ` "more"`}), wrong: true}, generated{name: "no label", text: g.with(edit{r, ""})})
	}
	for _, r := range g.blocks {
		block := string(r.SliceBytes(g.base))
		end := r
		end.Start = end.End
		all = append(all, generated{name: "no block", text: g.with(edit{r, ""})}, generated{name: "a block twice", text: g.with(edit{end, "\n" + block})})
		for _, other := range []string{"function", "input", "until", "dynamic", "zzz", "locals"} {
			_, rest, _ := strings.Cut(block, " ")
			all = append(all, generated{name: "block as " + other, text: g.with(edit{r, other + " " + rest})})
		}
		all = append(all, generated{name: "unknown attribute", text: g.with(edit{r, strings.Replace(block, "{", "{\nzzz = 1\n", 1)})})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	values := slices.Concat(unsound, wrongEverywhere, odd)
	for n := len(all); n < most; n++ {
		a, b := g.places[rng.IntN(len(g.places))], g.places[rng.IntN(len(g.places))]
		v, _, _ := strings.Cut(values[rng.IntN(len(values))], "|")
		w, _, _ := strings.Cut(values[rng.IntN(len(values))], "|")
		all = append(all, generated{name: a.name + " = " + v + " and " + b.name + " = " + w, text: g.with(edit{a.at, a.before + v}, edit{b.at, b.before + w})})
	}
	if len(all) <= most {
		return all
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:most]
}

func (g *generator) inPlace(p spot) (all []generated) {
	with := func(v string) generated {
		v, more, _ := strings.Cut(v, "|")
		return generated{name: p.name + " = " + v, text: g.with(edit{p.at, p.before + v}) + "\n" + more}
	}
	for _, v := range unsound {
		c := with(v)
		switch {
		case p.kind == word && strings.Contains(v, "|"):
			c.wrong = true // two mistakes: it is no word, and what is added
		case strings.HasPrefix(p.name, "variable.") && strings.Contains(v, "|"):
			c.wrong = true // likewise: it is not constant
		case p.kind == pieces:
			c.wrong = true // likewise: it is no list of as many labels as there must be
		case (p.kind == operand || p.kind == anything) && !reference.MatchString(v):
			c.wrong = true // likewise: its type is known, and may be wrong where it is used
		default:
			c.unsound, c.wrong = true, true
		}
		all = append(all, c)
	}
	for _, v := range wrongEverywhere {
		c := with(v)
		c.wrong = p.kind != anything || strings.Contains(v, "(")
		all = append(all, c)
	}
	for _, v := range odd {
		c := with(v)
		if v == "null" && p.before != "" {
			c.same = g.with(edit{p.at, "\n# nothing"})
		}
		all = append(all, c)
	}
	return all
}

type edit struct {
	at  hcl.Range
	new string
}

// with gives the base with some places changed; of two that overlap, the
// first.
func (g *generator) with(edits ...edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	var b strings.Builder
	done := 0
	for _, e := range edits {
		if e.at.Start.Byte < done {
			continue
		}
		b.Write(g.base[done:e.at.Start.Byte])
		b.WriteString(e.new)
		done = e.at.End.Byte
	}
	b.Write(g.base[done:])
	return b.String()
}

const patience = 5 * time.Second

// check loads a file as validate does. The test ends where that hangs.
func (g *generator) check(t *testing.T, file string, c generated) {
	hangs := time.AfterFunc(12*patience, func() { panic(c.name + " hangs:\n" + c.text) })
	defer hangs.Stop()
	began := time.Now()
	x, ps := g.load(t, file, c.text)
	if first := time.Since(began); first > patience { // the machine may be busy: once more
		began = time.Now()
		x, ps = g.load(t, file, c.text)
		if again := time.Since(began); again > patience {
			t.Errorf("%s took %s and %s", c.name, first, again)
		}
	}
	complaint := complaintAbout(ps)
	switch {
	case (x == nil) != ps.HasErrors():
		complaint = "an experiment beside errors, or nothing at all"
	case c.wrong && x != nil:
		complaint = "it loads"
	case c.unsound && len(ps.Diagnostics) != 1:
		complaint = fmt.Sprintf("%d mistakes for one", len(ps.Diagnostics))
	case x != nil && complaint == "":
		complaint = g.plans(t, file, x, c)
	}
	if complaint != "" {
		t.Errorf("%s: %s\n%s", c.name, complaint, print(t, ps))
	}
}

func (g *generator) load(t *testing.T, file, text string) (*experiment.Experiment, Problems) {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
	return realLanguage().Load(file, Inputs{})
}

// plans says what is wrong with an experiment that has loaded: it must give
// one plan, and be the same as another where it should.
func (g *generator) plans(t *testing.T, file string, x *experiment.Experiment, c generated) string {
	lacks := func(f experiment.Function, b experiment.Backend, s experiment.Start) experiment.Lack {
		return experiment.Lack{Reason: b.Options.(backends.Options).Lacks(f, s)}
	}
	resolved := func(x *experiment.Experiment) string {
		r, err := x.Resolved()
		if err != nil {
			return err.Error()
		}
		p, err := experiment.NewPlan(x, nil, lacks)
		if err != nil {
			return string(r) + err.Error()
		}
		b, err := json.Marshal(p)
		return fmt.Sprintf("%s%s%v", r, b, err)
	}
	got := resolved(x)
	if again, _ := g.load(t, file, c.text); again == nil || resolved(again) != got {
		return "it is something else the second time"
	}
	if c.same != "" {
		if same, _ := g.load(t, file, c.same); resolved(same) != got {
			return "null is not as good as nothing"
		}
	}
	return ""
}

var (
	inQuotes  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	emptiness = regexp.MustCompile(`\s[.,;](?:\s|$)|\(\)|:\.|: *$|,,|''|\bnil\b|%!|<nil>|unknown value|not yet known`)
)

// complaintAbout says what is wrong with how problems are told.
func complaintAbout(ps Problems) string {
	for _, d := range ps.Diagnostics {
		words := inQuotes.ReplaceAllString(d.Summary+"\n"+d.Detail, "QUOTED")
		words = strings.ReplaceAll(words, "rootfs.tar .", "rootfs.tar") // a command to type
		switch {
		case d.Subject == nil || d.Subject.Filename == "" || d.Subject.Start.Line < 1:
			return "a problem without a place"
		case d.Summary == "" || d.Detail == "" || len(d.Detail) > 4000:
			return "a problem without words, or with too many"
		case emptiness.MatchString(words) && d.Summary != "No experiment":
			return "a sentence that ends in nothing: " + words
		}
	}
	if err := ps.Write(io.Discard, 80, false); err != nil {
		return err.Error()
	}
	return ""
}

// listing is everything in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || path == dir {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
