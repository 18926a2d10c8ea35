package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/nebula-bench/nebula/internal/regular"
)

// line is a record in one of a run's files. Its check refuses what can't be true.
type line interface{ check() error }

// readLines yields the records of r; name stands in errors, and what is said
// of a line that is none. It stops at the first that cannot be read. A last
// line without its newline was torn by a kill and is dropped.
func readLines[T line](r io.Reader, name, what string, empty func() T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		b := bufio.NewReaderSize(r, 1<<16)
		var text []byte
		var none T
		for n := 1; ; n++ {
			err := readLine(b, &text)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(none, fmt.Errorf("%s:%d: %w", name, n, err))
				return
			}
			rec := empty()
			if err = jsonv2.Unmarshal(text, rec, jsonv2.RejectUnknownMembers(true)); err == nil {
				err = rec.check()
			}
			if err != nil {
				yield(none, fmt.Errorf("%s:%d: not %s: %w", name, n, what, err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// readFile is readLines of a file. One that is not there yet has no records
// where later says that it comes only with its first.
func readFile[T line](name, what string, later bool, empty func() T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		file, _, err := regular.Open(name)
		if later && errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		defer file.Close()
		readLines(file, name, what, empty)(yield)
	}
}

// readLine reads a line into the memory of the one before.
func readLine(b *bufio.Reader, text *[]byte) error {
	*text = (*text)[:0]
	for {
		part, err := b.ReadSlice('\n')
		if len(*text)+len(part) > mostLine {
			return fmt.Errorf("the line is longer than %d MiB", mostLine>>20)
		}
		*text = append(*text, part...)
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}
