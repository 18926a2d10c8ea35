package results

import (
	"encoding/json"
	"io"
	"strconv"
	"time"
)

// WriteJSON writes an array with one object per record, of the same columns as
// WriteCSV; what was not reached or not measured is null.
func (t Table) WriteJSON(w io.Writer) error {
	sep := "["
	var b []byte
	err := t.each(func(row []any) error {
		b = append(append(b[:0], sep...), '\n', '{')
		sep = ","
		for i, v := range row {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(strconv.AppendQuote(b, t.columns[i].name), ':')
			if at, ok := v.(time.Time); ok {
				v = clock(at)
			}
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			b = append(b, text...)
		}
		_, err := w.Write(append(b, '}'))
		return err
	})
	if err != nil {
		return err
	}
	end := "\n]\n"
	if sep == "[" {
		end = "[]\n"
	}
	_, err = io.WriteString(w, end)
	return err
}
