package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/nebula-bench/nebula/internal/regular"
)

// maxFile is the most bytes that a file may have: a thousand times what
// anybody would write by hand.
const maxFile = 1 << 20

// Read gives the text of a file, for Format.
func Read(file string) ([]byte, Problems) {
	ld := &loader{files: map[string]*hcl.File{}}
	src, _ := ld.read(file)
	return src, Problems{Diagnostics: tidy(ld.diags, file), Files: ld.files}
}

// Format gives an HCL file its canonical layout. It refuses what is not HCL
// rather than make it worse.
func Format(src []byte, filename string) ([]byte, Problems) {
	ld := &loader{files: map[string]*hcl.File{}}
	if ld.checkText(src, filename) {
		ld.parse(src, filename)
	}
	ps := Problems{Diagnostics: tidy(ld.diags, filename), Files: ld.files}
	if ps.HasErrors() {
		return nil, ps
	}
	return hclwrite.Format(src), ps
}

// read gives the text of a file, or reports why there is none.
func (ld *loader) read(file string) ([]byte, bool) {
	// The file has a name in the messages even if it can't be read.
	ld.files[file] = &hcl.File{}
	src, err := readBounded(file)
	if err != nil {
		ld.unreadable(file, err)
		return nil, false
	}
	return src, ld.checkText(src, file)
}

func readBounded(file string) ([]byte, error) {
	f, _, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than allowed tells a file that is too large.
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func (ld *loader) unreadable(file string, err error) {
	switch {
	case errors.Is(err, regular.ErrFolder):
		ld.errorf(start(file), "Not a file", "%s is a folder. Name a file in it.", file)
	case errors.Is(err, regular.ErrSpecial):
		ld.errorf(start(file), "Not a file", "%s is a pipe or a device. Name a file, which can be read again when a run is resumed.", file)
	case errors.Is(err, fs.ErrNotExist):
		ld.errorf(start(file), "File not found", "There is no file %s. Paths are relative to the folder you are in.", file)
	case errors.Is(err, fs.ErrPermission):
		ld.errorf(start(file), "File not readable", "You may not read %s. Check its permissions with: ls -l.", file)
	default:
		ld.errorf(start(file), "File not readable", "%s can't be read: %s.", file, cause(err))
	}
}

// cause strips the path from an error of package os: it is named already, as
// the user wrote it.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// checkText refuses what is too large or not text at all, before anything
// takes a closer look.
func (ld *loader) checkText(src []byte, file string) bool {
	if len(src) > maxFile {
		ld.errorf(start(file), "File too large", "%s is larger than %d MiB, the most that is read. Inputs that large belong into files of their own: file(\"input.txt\").", file, maxFile>>20)
		return false
	}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			ld.files[file] = &hcl.File{Bytes: bytes.ToValidUTF8(src, []byte("?"))}
			ld.errorf(byteRange(src, file, i), "Invalid UTF-8", "The byte 0x%02x is not part of any character. Save the file as UTF-8; bytes that are not text can't be inputs.", src[i])
			return false
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			ld.files[file] = &hcl.File{Bytes: bytes.ReplaceAll(src, src[i:i+1], []byte("?"))}
			ld.errorf(byteRange(src, file, i), "Control character", "The character U+%04X has no place in a text file. Inside a string, write it as \"\\u%04x\".", r, r)
			return false
		}
		i += n
	}
	return true
}

// byteRange gives the range of the byte at offset i.
func byteRange(src []byte, file string, i int) hcl.Range {
	line := bytes.Count(src[:i], []byte("\n")) + 1
	column := utf8.RuneCount(src[bytes.LastIndexByte(src[:i], '\n')+1:i]) + 1
	return hcl.Range{Filename: file,
		Start: hcl.Pos{Line: line, Column: column, Byte: i},
		End:   hcl.Pos{Line: line, Column: column + 1, Byte: i + 1}}
}

// parse gives the syntax tree. Of a file with syntax errors nothing else is
// reported: what the parser made of it is not what the user meant.
func (ld *loader) parse(src []byte, file string) (*hclsyntax.Body, bool) {
	ld.files[file] = &hcl.File{Bytes: src}
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos) // its errors come again with the parser's
	if d := checkDepth(tokens); d != nil {
		ld.add(hcl.Diagnostics{d})
		return nil, false
	}
	f, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	ld.add(diags)
	if diags.HasErrors() {
		return nil, false
	}
	ld.files[file] = f
	return f.Body.(*hclsyntax.Body), true
}

// The parser and everything behind it are recursive. These bounds are far
// above what anybody writes, and far below what would fill a stack.
const (
	maxDepth     = 100  // brackets, braces, quotes and templates in each other
	maxOperators = 1000 // in one expression, with those around it
)

// checkDepth refuses tokens that would give too deep a syntax tree, and
// numbers out of range.
func checkDepth(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	type level struct {
		operators int  // up to where it was opened
		lines     bool // a line's end ends an expression
	}
	levels := []level{{0, true}}
	operators := 0
	for i, t := range tokens {
		top := levels[len(levels)-1]
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if len(levels) > maxDepth {
				return problem(t.Range, "Nested too deeply", fmt.Sprintf("More than %d brackets, braces and templates are open here. Give the inner parts names, with locals.", maxDepth))
			}
			switch t.Type {
			case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateControl:
				operators++ // x[0][0] and %{ if } nest without being inside each other
			}
			isFor := i+1 < len(tokens) && tokens[i+1].Type == hclsyntax.TokenIdent && string(tokens[i+1].Bytes) == "for"
			levels = append(levels, level{operators, t.Type == hclsyntax.TokenOBrace && !isFor})
		case hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			operators = top.operators
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
			}
		case hclsyntax.TokenComma:
			operators = top.operators
		case hclsyntax.TokenNewline:
			if top.lines {
				operators = top.operators
			}
		case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
			hclsyntax.TokenBang, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenQuestion:
			operators++
		case hclsyntax.TokenNumberLit:
			if !reasonable(string(t.Bytes)) {
				return problem(t.Range, outOfRange, "Numbers have at most 400 digits and exponents at most 3.")
			}
		}
		if operators > maxOperators {
			return problem(t.Range, "Expression too long", fmt.Sprintf("This expression has more than %d operators. Give its parts names, with locals.", maxOperators))
		}
	}
	return nil
}

// reasonable reports whether a text can be taken for a number: a short one
// such as 1e999999999 makes a number of hundreds of megabytes. A text that is
// no number at all is reasonable too; it fails elsewhere.
func reasonable(text string) bool {
	const digits = "0123456789"
	rest := strings.TrimLeft(text, digits+"+-._")
	if len(text)-len(rest) > 400 {
		return false
	}
	if len(rest) == len(text) || rest == "" || !strings.ContainsAny(rest[:1], "eEpP") {
		return true
	}
	exponent := strings.TrimLeft(rest[1:], "+-0")
	return len(exponent)-len(strings.TrimLeft(exponent, digits)) <= 3
}
