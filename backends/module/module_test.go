package module

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const everything = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTypedFunctionReferences

// compiles asks wazero, which validates every instruction.
func compiles(ctx context.Context, t testing.TB, b []byte, f api.CoreFeatures) (wazero.CompiledModule, error) {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(f))
	t.Cleanup(func() { r.Close(ctx) })
	return r.CompileModule(ctx, b)
}

// judge holds a reading against wazero's.
func judge(t testing.TB, b []byte) {
	ctx := t.Context()
	m, err := Read(b)
	compiled, all := compiles(ctx, t, b, everything)
	if all != nil {
		return // there may be more wrong with it than is read here
	}
	if err != nil {
		t.Fatalf("wazero takes it, but: %v", err)
	}
	_, plain := compiles(ctx, t, b, api.CoreFeaturesV2)
	switch {
	case plain == nil && len(m.Needs) > 0:
		t.Errorf("WebAssembly 2.0 is enough, but it is said to need %v", m.Needs)
	case plain != nil && len(m.Needs) == 0 && strings.Contains(plain.Error(), "abled"): // disabled, or not enabled
		t.Errorf("nothing is said to be needed, but: %v", plain)
	}
	var names, ours []string
	for _, f := range compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		names = append(names, module+"."+name)
		_ = f.ParamTypes()
	}
	for _, i := range m.Imports {
		if i.Kind != Func {
			continue
		}
		ours = append(ours, i.Module+"."+i.Name)
	}
	if strings.Join(names, "\n") != strings.Join(ours, "\n") {
		t.Errorf("it imports %q; read were %q", names, ours)
	}
	for name, f := range compiled.ExportedFunctions() {
		e, ok := m.Export(name)
		if !ok || e.Kind != Func || e.Type == nil {
			t.Errorf("the export %q was not read: %+v", name, e)
			continue
		}
		if simple(f.ParamTypes()) && string(e.Type.Params) != string(f.ParamTypes()) {
			t.Errorf("the export %q takes %x; read was %x", name, f.ParamTypes(), e.Type.Params)
		}
	}
	for name, memory := range compiled.ExportedMemories() {
		if e, ok := m.Export(name); !ok || e.Kind != Mem || m.Memories[0].Min != uint64(memory.Min()) {
			t.Errorf("the memory %q was not read: %+v, %+v", name, e, m.Memories)
		}
	}
}

func simple(types []api.ValueType) bool {
	for _, t := range types {
		if t < 0x7c {
			return false
		}
	}
	return true
}

// specModules are the modules of WebAssembly's own tests, valid and not, that
// come with wazero's source.
func specModules(t testing.TB) map[string][]byte {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("wazero's source is not here")
	}
	modules := map[string][]byte{}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".wasm" {
			var b []byte
			if b, err = os.ReadFile(name); len(b) < 1<<20 {
				rel, _ := filepath.Rel(dir, name)
				modules[filepath.ToSlash(rel)] = b
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// What is read of every module of the specification's tests is what wazero
// reads, and what it needs beyond WebAssembly 2.0 is what wazero asks for.
func TestSpecification(t *testing.T) {
	t.Parallel()
	modules := specModules(t)
	if len(modules) < 1000 {
		t.Errorf("there are only %d modules", len(modules))
	}
	for name, b := range modules {
		t.Run(name, func(t *testing.T) { judge(t, b) })
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each proposal is known by its first use.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Proposal{
		"tail-call": TailCall, "extended-const": ExtendedConst, "threads": Threads, "legacy-exceptions": LegacyExceptions,
		"memory64": Memory64, "multi-memory": MultiMemory, "exceptions": Exceptions, "function-references": FunctionReferences, "relaxed-simd": RelaxedSIMD, "gc": GC,
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(read(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := m.Needing(want); !ok || n.Where == "" {
				t.Errorf("it needs %v, want %s", m.Needs, want)
			}
			if e, ok := m.Export("_start"); !ok || e.Kind != Func {
				t.Errorf("_start is %+v", e)
			}
		})
	}
	m, err := Read(read(t, "reactor"))
	if err != nil || len(m.Needs) > 0 {
		t.Errorf("a plain module: %v, %v", m, err)
	}
	// By hand: instructions that wabt does not write.
	for code, want := range map[string]Proposal{
		"\x1f\x40\x00\x0b": Exceptions, "\x0a": Exceptions, "\xfc\x13": WideArithmetic, "\xe0": StackSwitching, "\x14\x00": FunctionReferences,
		"\xfb\x0f": GC, "\xff": Unknown, "\xfd\x80\x08": Unknown, "\x00": "",
	} {
		m, err := Read(body(code))
		if err != nil || want == "" && len(m.Needs) > 0 || want != "" && (len(m.Needs) == 0 || m.Needs[0].Proposal != want) {
			t.Errorf("% x needs %+v, %v; want %q", code, m, err, want)
		}
	}
}

// body is a module with one function of these instructions.
func body(code string) []byte {
	f := "\x00" + code + "\x0b"
	section := func(id int, s string) string { return string([]byte{byte(id), byte(len(s))}) + s }
	return []byte("\x00asm\x01\x00\x00\x00" + section(typeSection, "\x01\x60\x00\x00") + section(functionSection, "\x01\x00") +
		section(codeSection, "\x01"+string([]byte{byte(len(f))})+f))
}

// What is no module, another kind of one, or cut off is refused in words.
func TestRefuses(t *testing.T) {
	t.Parallel()
	whole := read(t, "threads")
	for name, tt := range map[string]struct {
		bytes string
		want  string
	}{
		"nothing": {"", "no WebAssembly"}, "text": {"(module)", "no WebAssembly"},
		"a component":            {"\x00asm\x0d\x00\x01\x00", "is a component"},
		"a newer one":            {"\x00asm\x02\x00\x00\x00", "version 2"},
		"cut off":                {string(whole[:len(whole)-3]), "it is cut off"},
		"no section":             {"\x00asm\x01\x00\x00\x00\x0f\x00", "no section of number 15"},
		"a long list":            {"\x00asm\x01\x00\x00\x00\x01\x05\xff\xff\xff\xff\x0f", "longer than the rest"},
		"a long number":          {"\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\xff\x0f", "too long"},
		"a name that is no text": {"\x00asm\x01\x00\x00\x00\x02\x06\x01\x01\xff\x00\x00\x00", "not UTF-8"},
		"a function too long":    {string(body("\x0b")), "goes on after its end"},
		"locals without end":     {"\x00asm\x01\x00\x00\x00" + "\x0a\x0a\x01\x08\x01\xff\xff\xff\xff\x0f\x7f\x0b", "has 4294967295 local variables"},
		"locals in two lists":    {"\x00asm\x01\x00\x00\x00" + "\x0a\x0c\x01\x0a\x02\xff\xff\xff\xff\x0f\x7f\x02\x7f\x0b", "has 4294967297 local variables"},
	} {
		if _, err := Read([]byte(tt.bytes)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.wasm")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			return
		}
		// Nothing is made of what is not there.
		if n := len(m.Imports) + len(m.Exports) + len(m.Memories); n > len(b) || len(m.Needs) > 14 {
			t.Errorf("of %d bytes, %d things and %d needs were read", len(b), n, len(m.Needs))
		}
		// A module that is good remains so with a section that nobody must read.
		again, err := Read(append(b[:len(b):len(b)], 0, 2, 1, 'x'))
		if err != nil || len(again.Imports) != len(m.Imports) || len(again.Needs) != len(m.Needs) {
			t.Errorf("with another section: %+v, %v", again, err)
		}
	})
}
