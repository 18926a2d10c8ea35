package results

import (
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows of a Parquet file stand together: what the writer
// keeps in memory, some 300 bytes each.
const rowGroup = 1 << 15

// WriteParquet writes one row per record, of the same columns as WriteCSV:
// counts and nanoseconds as 64-bit integers, joules and seconds as doubles,
// moments in microseconds UTC, and null for what was not reached or not
// measured.
func (t Table) WriteParquet(w io.Writer) error {
	out := parquet.NewWriter(w, t.parquetSchema(),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.Compression(&parquet.Zstd), parquet.CreatedBy("nebula", t.nebula, ""))
	values := make(parquet.Row, len(t.columns))
	rows := []parquet.Row{values}
	err := t.each(func(row []any) error {
		for i, v := range row {
			values[i] = parquetValue(v).Level(0, 0, i)
			if t.columns[i].optional && v != nil {
				values[i] = values[i].Level(0, 1, i)
			}
		}
		_, err := out.WriteRows(rows)
		return err
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// parquetSchema goes by way of a struct type, whose fields keep their order.
func (t Table) parquetSchema() *parquet.Schema {
	var fields []reflect.StructField
	for i, c := range t.columns {
		types := map[kind]reflect.Type{
			word: reflect.TypeFor[string](), text: reflect.TypeFor[string](), flag: reflect.TypeFor[bool](),
			number: reflect.TypeFor[int64](), real: reflect.TypeFor[float64](), moment: reflect.TypeFor[int64](),
		}
		tag := c.name
		switch c.kind {
		case word:
			tag += ",dict"
		case moment:
			tag += ",timestamp(microsecond)"
		}
		if c.optional {
			tag += ",optional"
		}
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("C%d", i), Type: types[c.kind], Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag)),
		})
	}
	return parquet.NewSchema(t.name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func parquetValue(v any) parquet.Value {
	if at, ok := v.(time.Time); ok {
		v = at.UnixMicro()
	}
	return parquet.ValueOf(v)
}
