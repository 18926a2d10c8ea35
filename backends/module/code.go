package module

import "fmt"

// mostLocals is how many local variables a function may have. Browsers have
// the same bound; wazero has none, and takes memory for each before it looks
// whether the function is sound.
const mostLocals = 50_000

// code reads a function's body.
func (r *reader) code() {
	size := r.u32()
	if int64(size) > int64(r.end-r.at) {
		r.fail("a function is longer than the code section")
		return
	}
	section, end := r.end, r.at+int(size)
	r.end = end
	locals := uint64(0)
	for n := r.count(); n > 0 && r.err == nil; n-- {
		locals += uint64(r.u32())
		r.valueType()
	}
	if locals > mostLocals && r.err == nil {
		r.err = fmt.Errorf("a function before byte %#x has %d local variables, and %d is the most that is taken", r.at, locals, mostLocals)
		return
	}
	if r.expression(false) && r.err == nil && r.at != end {
		r.fail("a function goes on after its end")
	}
	if r.err == nil {
		r.at = end
	}
	r.end = section
}

// constant reads an expression that is evaluated when the module is
// instantiated.
func (r *reader) constant() {
	if !r.expression(true) {
		r.lose() // what follows can't be found
	}
}

// expression reads instructions up to the end that belongs to none of them.
// It reports whether it came there: it stops at an instruction whose length
// is not known.
func (r *reader) expression(constant bool) bool {
	for depth := 1; depth > 0 && r.err == nil; {
		at := r.at
		op := r.byte()
		switch op {
		case 0x02, 0x03, 0x04, 0x06, 0x1f: // block, loop, if, try, try_table
			depth++
		case 0x0b, 0x18: // end, delegate
			depth--
		}
		if constant {
			r.constantOp(op)
			if op == 0xd0 { // ref.null, which needs nothing here whatever it is of
				r.heapType()
				continue
			}
		}
		if !r.instruction(op) {
			r.at = at
			return false
		}
	}
	return r.err == nil
}

// constantOp takes note of what only newer constant expressions have.
func (r *reader) constantOp(op byte) {
	switch op {
	case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // i32 and i64: add, sub, mul
		r.need(ExtendedConst, r.here("a constant"))
	case 0x23: // global.get
		at := r.at
		if n := r.u32(); r.err == nil && int64(n) >= int64(r.globals) {
			r.need(ExtendedConst, r.here("a constant"))
		}
		if r.err == nil {
			r.at = at
		}
	}
}

// instruction reads what follows an opcode. It reports whether it knows that.
func (r *reader) instruction(op byte) bool {
	switch {
	case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op >= 0x02 && op <= 0x04:
		r.blockType()
	case op == 0x0c, op == 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op == 0xd2:
		r.u32()
	case op == 0x0e: // br_table
		for n := r.count(); n > 0 && r.err == nil; n-- {
			r.u32()
		}
		r.u32()
	case op == 0x11: // call_indirect
		r.u32()
		r.u32()
	case op == 0x1c: // select
		r.valueTypes()
	case op >= 0x28 && op <= 0x3e:
		r.memarg()
	case op == 0x3f, op == 0x40:
		r.memoryIndex()
	case op == 0x41:
		r.leb(32)
	case op == 0x42:
		r.leb(64)
	case op == 0x43:
		r.skip(4)
	case op == 0x44:
		r.skip(8)
	case op == 0xd0: // ref.null
		if r.heapType() {
			r.need(FunctionReferences, r.here("an instruction"))
		}
	case op == 0xfc:
		return r.bulk()
	case op == 0xfd:
		return r.vector()
	case op == 0xfe:
		return r.atomic()
	default:
		return r.extension(op)
	}
	return true
}

// extension reads instructions of one byte that proposals have brought.
func (r *reader) extension(op byte) bool {
	use := func(p Proposal) { r.need(p, r.here("an instruction")) }
	switch op {
	case 0x06: // try
		use(LegacyExceptions)
		r.blockType()
	case 0x07, 0x09, 0x18: // catch, rethrow, delegate
		use(LegacyExceptions)
		r.u32()
	case 0x19: // catch_all
		use(LegacyExceptions)
	case 0x08: // throw
		use(Exceptions)
		r.u32()
	case 0x0a: // throw_ref
		use(Exceptions)
	case 0x1f: // try_table
		use(Exceptions)
		r.blockType()
		for n := r.count(); n > 0 && r.err == nil; n-- {
			switch kind := r.byte(); {
			case kind > 3:
				r.fail("there is no catch clause of kind %d", kind)
			case kind < 2:
				r.u32()
			}
			r.u32()
		}
	case 0x12: // return_call
		use(TailCall)
		r.u32()
	case 0x13: // return_call_indirect
		use(TailCall)
		r.u32()
		r.u32()
	case 0x15: // return_call_ref
		use(TailCall)
		use(FunctionReferences)
		r.u32()
	case 0x14, 0xd5, 0xd6: // call_ref, br_on_null, br_on_non_null
		use(FunctionReferences)
		r.u32()
	case 0xd4: // ref.as_non_null
		use(FunctionReferences)
	case 0xd3: // ref.eq
		use(GC)
	case 0xfb:
		use(GC)
		return false
	case 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6:
		use(StackSwitching)
		return false
	default:
		use(Unknown)
		return false
	}
	return true
}

// blockType is nothing, a type of values, or the number of a function's type.
func (r *reader) blockType() {
	if r.at < r.end && r.b[r.at]&0xc0 == 0x40 {
		if r.b[r.at] == 0x40 {
			r.at++
			return
		}
		r.valueType()
		return
	}
	r.leb(33)
}

// memarg is the alignment and the offset of a load or a store. A bit of the
// alignment says that the number of a memory follows.
func (r *reader) memarg() {
	if r.u32()&0x40 != 0 {
		r.need(MultiMemory, r.here("an instruction"))
		r.u32()
	}
	r.leb(64)
}

func (r *reader) memoryIndex() {
	if r.u32() != 0 {
		r.need(MultiMemory, r.here("an instruction"))
	}
}

func (r *reader) bulk() bool {
	switch op := r.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
	case 8: // memory.init
		r.u32()
		r.memoryIndex()
	case 10: // memory.copy
		r.memoryIndex()
		r.memoryIndex()
	case 11: // memory.fill
		r.memoryIndex()
	case 12, 14: // table.init, table.copy
		r.u32()
		r.u32()
	case 9, 13, 15, 16, 17: // data.drop, elem.drop, table.grow, size and fill
		r.u32()
	case 19, 20, 21, 22:
		r.need(WideArithmetic, r.here("an instruction"))
	default:
		r.need(Unknown, r.here("an instruction"))
		return false
	}
	return true
}

func (r *reader) vector() bool {
	switch op := r.u32(); {
	case op <= 11, op == 92, op == 93: // loads and stores
		r.memarg()
	case op == 12, op == 13: // v128.const, i8x16.shuffle
		r.skip(16)
	case op >= 21 && op <= 34: // lanes
		r.skip(1)
	case op >= 84 && op <= 91: // loads and stores of a lane
		r.memarg()
		r.skip(1)
	case op < 0x100:
	case op < 0x130:
		r.need(RelaxedSIMD, r.here("an instruction"))
	default:
		r.need(Unknown, r.here("an instruction"))
		return false
	}
	return true
}

func (r *reader) atomic() bool {
	r.need(Threads, r.here("an instruction"))
	switch op := r.u32(); {
	case op == 3: // atomic.fence
		r.skip(1)
	case op <= 2, op >= 0x10 && op <= 0x4e:
		r.memarg()
	default:
		r.need(Unknown, r.here("an instruction"))
		return false
	}
	return true
}
