package module

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Sections, by their number in the binary format.
const (
	customSection = iota
	typeSection
	importSection
	functionSection
	tableSection
	memorySection
	globalSection
	exportSection
	startSection
	elementSection
	codeSection
	dataSection
	dataCountSection
	tagSection
)

var sectionNames = []string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"}

// Read reads a module from its bytes.
func Read(b []byte) (*Module, error) {
	if len(b) < 8 || !bytes.HasPrefix(b, []byte("\x00asm")) {
		return nil, fmt.Errorf("it is no WebAssembly: the first bytes are not those of a module")
	}
	switch version, layer := uint16(b[4])|uint16(b[5])<<8, uint16(b[6])|uint16(b[7])<<8; {
	case layer == 1:
		return nil, fmt.Errorf("it is a component, and a core module is needed: build for wasip1, not wasip2 or later")
	case version != 1 || layer != 0:
		return nil, fmt.Errorf("it is of version %d of the binary format; version 1 is known", version)
	}
	r := &reader{b: b, at: 8, end: len(b), types: []*FuncType{}}
	for r.err == nil && r.at < len(b) {
		r.section()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.resolve()
	if len(r.m.Memories) > 1 {
		r.need(MultiMemory, "its list of memories")
	}
	return &r.m, nil
}

// reader is a cursor over a module. After its first error it reads zeros.
type reader struct {
	b       []byte
	at, end int // end of what may be read now
	err     error
	within  string // the section

	m         Module
	types     []*FuncType // nil: of no function, or not read
	functions []uint32    // their types, imported ones first
	globals   int         // imported ones
	targets   []uint32    // of exports: the functions' numbers, likewise ordered
	skipped   bool        // types have not all been read
	lost      bool        // of the section, the rest can't be read
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil && !r.lost {
		r.err = fmt.Errorf("it is malformed at byte %#x: %s", r.at, fmt.Sprintf(format, args...))
	}
	r.at = r.end
}

// lose gives up on the rest of a section: it holds what is not known here.
func (r *reader) lose() { r.at, r.lost = r.end, true }

func (r *reader) need(p Proposal, where string) {
	if _, ok := r.m.Needing(p); !ok {
		r.m.Needs = append(r.m.Needs, Need{p, where})
	}
}

// here says where the cursor is, for a Need.
func (r *reader) here(what string) string {
	return fmt.Sprintf("%s in its %s section, at byte %#x", what, r.within, r.at)
}

func (r *reader) byte() byte {
	if r.at >= r.end {
		r.fail("the file or one of its parts ends too early")
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *reader) skip(n uint64) {
	if n > uint64(r.end-r.at) {
		r.fail("the file or one of its parts ends too early")
		return
	}
	r.at += int(n)
}

// leb reads an unsigned number of so many bits, of which each byte holds 7.
// Only the length of signed numbers matters here: it is bounded alike.
func (r *reader) leb(bits int) (n uint64) {
	for shift := 0; shift < bits; shift += 7 {
		c := r.byte()
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	r.fail("a number is too long")
	return 0
}

func (r *reader) u32() uint32 {
	n := r.leb(32)
	if n > 1<<32-1 {
		r.fail("a number is too large")
		return 0
	}
	return uint32(n)
}

// count reads the length of a list whose elements have a byte or more each.
func (r *reader) count() int {
	n := r.u32()
	if int64(n) > int64(r.end-r.at) {
		r.fail("a list of %d is longer than the rest of the file", n)
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	n := r.count()
	s := r.b[r.at : r.at+n]
	r.at += n
	if !utf8.Valid(s) {
		r.fail("a name is not UTF-8")
		return ""
	}
	return string(s)
}

func (r *reader) section() {
	id := r.byte()
	size := r.u32()
	if int(id) >= len(sectionNames) {
		r.fail("there is no section of number %d", id)
		return
	}
	r.within = sectionNames[id]
	if int64(size) > int64(len(r.b)-r.at) {
		r.fail("the %s section has %d bytes, but the file ends after %d: it is cut off", r.within, size, len(r.b)-r.at)
		return
	}
	r.end, r.lost = r.at+int(size), false
	switch id {
	case customSection:
		r.at = r.end
	case startSection:
		r.u32()
		r.m.Start = true
	case dataCountSection:
		r.u32()
	default:
		r.list(id)
	}
	if r.err == nil && r.at != r.end {
		r.fail("the %s section is longer than what is in it", r.within)
	}
	r.end, r.lost = len(r.b), false
}

// list reads a section that is a list.
func (r *reader) list(id byte) {
	element := map[byte]func(){
		typeSection: r.typ, importSection: r.imported, functionSection: r.function, tableSection: r.table,
		memorySection: func() { r.memory(false) }, globalSection: r.global, exportSection: r.export,
		elementSection: r.element, codeSection: r.code, dataSection: r.data, tagSection: r.tag,
	}[id]
	for n := r.count(); n > 0 && r.err == nil && r.at < r.end; n-- {
		element()
		if r.at >= r.end && n > 1 {
			r.fail("the %s section ends too early", r.within)
		}
	}
}

func (r *reader) typ() {
	form := r.byte()
	switch form {
	case 0x60:
		t := &FuncType{}
		t.Params = r.valueTypes()
		t.Results = r.valueTypes()
		r.types = append(r.types, t)
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f: // rec, sub, array, struct
		r.need(GC, r.here("a type"))
		r.skipped = true
		r.lose()
	case 0x5d: // cont
		r.need(StackSwitching, r.here("a type"))
		r.skipped = true
		r.lose()
	default:
		r.fail("there is no type of form %#x", form)
	}
}

func (r *reader) valueTypes() []byte {
	n := r.count()
	from := r.at
	for ; n > 0 && r.err == nil; n-- {
		r.valueType()
	}
	return r.b[from:r.at]
}

// valueType reads a type of values. A reference to a type of the module is
// more than a byte.
func (r *reader) valueType() {
	switch c := r.byte(); {
	case c == 0x63, c == 0x64: // ref null, ref
		r.heapType()
	case c >= 0x7b && c <= 0x7f, c == 0x70, c == 0x6f: // numbers, v128, funcref, externref
	default:
		r.abstract(c)
	}
}

// heapType reads what a reference refers to. Spelling that out does not need
// typed function references; only their instructions do. It reports whether it is a type of the module's own.
func (r *reader) heapType() (own bool) {
	if r.at < r.end && r.b[r.at]&0xc0 == 0x40 { // a negative number of one byte
		if c := r.byte(); c != 0x70 && c != 0x6f {
			r.abstract(c)
		}
		return false
	}
	r.leb(33)
	return true
}

// abstract takes the types of references that proposals have brought.
func (r *reader) abstract(c byte) {
	switch c {
	case 0x69, 0x74: // exn, noexn
		r.need(Exceptions, r.here("a type"))
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73: // array, struct, i31, eq, any, none, noextern, nofunc
		r.need(GC, r.here("a type"))
	case 0x68, 0x75: // cont, nocont
		r.need(StackSwitching, r.here("a type"))
	default:
		r.fail("there is no value type %#x", c)
	}
}

func (r *reader) imported() {
	i := Import{Module: r.name(), Name: r.name()}
	switch i.Kind = Kind(r.byte()); i.Kind {
	case Func:
		r.functions = append(r.functions, r.u32())
	case Table:
		r.tableType()
	case Mem:
		r.memory(true)
	case Global:
		r.globals++
		r.valueType()
		r.byte()
	case Tag:
		r.tag()
	default:
		r.fail("there is no import of kind %d", byte(i.Kind))
	}
	r.m.Imports = append(r.m.Imports, i)
}

func (r *reader) function() { r.functions = append(r.functions, r.u32()) }

func (r *reader) table() {
	if r.at < r.end && r.b[r.at] == 0x40 { // with an initial value
		r.skip(2)
		r.tableType()
		r.constant()
		return
	}
	r.tableType()
}

func (r *reader) tableType() {
	r.valueType()
	r.limits("a table")
}

func (r *reader) memory(imported bool) {
	min, flags := r.limits("a memory")
	r.m.Memories = append(r.m.Memories, Memory{Min: min, Shared: flags&2 != 0, Imported: imported})
}

func (r *reader) limits(what string) (min uint64, flags byte) {
	flags = r.byte()
	bits := 32
	if flags&2 != 0 {
		r.need(Threads, r.here(what+" that is shared"))
	}
	if flags&4 != 0 {
		r.need(Memory64, r.here(what))
		bits = 64
	}
	if flags > 15 {
		r.fail("there are no limits with the flags %#x", flags)
	}
	min = r.leb(bits)
	if flags&1 != 0 {
		r.leb(bits)
	}
	if flags&8 != 0 {
		r.need(CustomPageSizes, r.here(what))
		r.u32()
	}
	return min, flags
}

func (r *reader) tag() {
	r.need(Exceptions, r.here("a tag"))
	r.byte()
	r.u32()
}

func (r *reader) global() {
	r.valueType()
	r.byte()
	r.constant()
}

func (r *reader) export() {
	e := Export{Name: r.name(), Kind: Kind(r.byte())}
	if e.Kind > Tag {
		r.fail("there is no export of kind %d", byte(e.Kind))
	}
	r.m.Exports = append(r.m.Exports, e)
	r.targets = append(r.targets, r.u32())
}

func (r *reader) element() {
	flags := r.u32()
	if flags > 7 {
		r.fail("there is no element segment with the flags %d", flags)
	}
	active, indexed, expressions := flags&1 == 0, flags&2 != 0, flags&4 != 0
	if active && indexed {
		r.u32()
	}
	if active {
		r.constant()
	}
	if flags&3 != 0 {
		if expressions {
			r.valueType()
		} else {
			r.byte()
		}
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if expressions {
			r.constant()
		} else {
			r.u32()
		}
	}
}

func (r *reader) data() {
	switch flags := r.u32(); flags {
	case 0:
		r.constant()
	case 1:
	case 2:
		if r.u32() != 0 {
			r.need(MultiMemory, r.here("a data segment"))
		}
		r.constant()
	default:
		r.fail("there is no data segment with the flags %d", flags)
	}
	r.skip(uint64(r.u32()))
}

// resolve gives imports and exports their types.
func (r *reader) resolve() {
	function := func(i uint32) *FuncType {
		if int64(i) >= int64(len(r.functions)) || r.skipped {
			return nil
		}
		if t := r.functions[i]; int64(t) < int64(len(r.types)) {
			return r.types[t]
		}
		return nil
	}
	var n uint32
	for i := range r.m.Imports {
		if r.m.Imports[i].Kind == Func {
			r.m.Imports[i].Type = function(n)
			n++
		}
	}
	for i := range r.m.Exports {
		if r.m.Exports[i].Kind == Func {
			r.m.Exports[i].Type = function(r.targets[i])
		}
	}
}
