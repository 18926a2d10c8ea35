package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes one line per record. What was not reached or not measured is
// empty. Text that a spreadsheet would take for a formula begins with an
// apostrophe; the other formats have it as it is.
func (t Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	var line []string
	for _, c := range t.columns {
		line = append(line, c.name)
	}
	if err := out.Write(line); err != nil {
		return err
	}
	err := t.each(func(row []any) error {
		line = line[:0]
		for _, v := range row {
			line = append(line, field(v))
		}
		return out.Write(line)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

var aNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// noFormula keeps text from being worked out by a spreadsheet, which takes what
// begins so for a formula: one that opens a program, or sends away what stands
// beside it. An apostrophe makes text of it, as OWASP advises. Numbers are
// numbers, and none of our own words begins so.
func noFormula(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return s
	}
	if aNumber.MatchString(s) {
		return s
	}
	return "'" + s
}

// field shows a value of a row; nothing at all where there is none.
func field(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return noFormula(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return clock(v)
	}
	panic(fmt.Sprintf("results: a row holds a %T", v))
}
