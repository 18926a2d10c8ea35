package results

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows of a Parquet file stand together: what the writer
// keeps in memory, some 300 bytes each.
const rowGroup = 1 << 15

// ExportParquet writes one row per record, of the same columns as ExportCSV:
// numbers as 64-bit integers, the time of the request in microseconds UTC,
// and null for what was not reached or not measured.
func (f *Folder) ExportParquet(w io.Writer) error {
	columns := columns()
	out := parquet.NewWriter(w, parquetSchema(columns),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.Compression(&parquet.Zstd), parquet.CreatedBy("nebula", f.Run.Nebula, ""))
	values := make(parquet.Row, len(columns))
	rows := []parquet.Row{values}
	err := f.rows(func(row []any) error {
		for i, v := range row {
			values[i] = parquetValue(columns[i], v).Level(0, 0, i)
			if columns[i].optional && v != nil {
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
func parquetSchema(columns []column) *parquet.Schema {
	var fields []reflect.StructField
	for i, c := range columns {
		types := map[kind]reflect.Type{
			word: reflect.TypeFor[string](), text: reflect.TypeFor[string](), flag: reflect.TypeFor[bool](),
			number: reflect.TypeFor[int64](), moment: reflect.TypeFor[int64](),
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
	return parquet.NewSchema("trial", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func parquetValue(c column, v any) parquet.Value {
	if t, ok := v.(interface{ UnixMicro() int64 }); ok && c.kind == moment {
		v = t.UnixMicro()
	}
	return parquet.ValueOf(v)
}
