package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// WriteCSV writes one line per record. What was not reached or not measured is
// empty.
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

// field shows a value of a row; nothing at all where there is none.
func field(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
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
