package main

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/internal/words"
)

// logger writes for people, beside the progress bar.
func (a *app) logger(w io.Writer) zerolog.Logger {
	level := zerolog.InfoLevel
	if a.verbose {
		level = zerolog.DebugLevel
	}
	if w == io.Writer(a.stderr) {
		w = colourful(a.stderr)
	}
	console := zerolog.ConsoleWriter{
		Out: w, TimeFormat: time.TimeOnly, NoColor: !isTerminal(a.stderr),
		FormatPrepare: printableEvent, FieldsExclude: []string{furtherLines}, FormatExtra: writeFurtherLines,
	}
	return zerolog.New(console).Level(level).With().Timestamp().Logger()
}

// furtherLines is where an event keeps the lines after the first of its texts.
const furtherLines = "\n"

// printableEvent makes what is logged harmless, before it is coloured. What a
// compiler says has many lines, and joined they can't be read: the first stays
// where it is, the others follow the event.
func printableEvent(event map[string]any) error {
	var further []string
	for _, k := range slices.SortedFunc(maps.Keys(event), messageFirst) {
		s, ok := event[k].(string)
		if !ok {
			event[k] = printableValue(event[k])
			continue
		}
		lines := strings.Split(strings.TrimRight(s, " \t\r\n"), "\n")
		for i, line := range lines {
			lines[i] = words.Printable(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\r"))
		}
		event[k] = lines[0]
		further = append(further, lines[1:]...)
	}
	if len(further) > 0 {
		event[furtherLines] = further
	}
	return nil
}

func messageFirst(a, b string) int {
	switch zerolog.MessageFieldName {
	case a:
		return -1
	case b:
		return 1
	}
	return cmp.Compare(a, b)
}

// writeFurtherLines writes what printableEvent has put aside.
func writeFurtherLines(event map[string]any, b *bytes.Buffer) error {
	further, _ := event[furtherLines].([]string)
	for _, line := range further {
		b.WriteString("\n    " + line)
	}
	return nil
}

func printableValue(v any) any {
	switch v := v.(type) {
	case string:
		return words.Printable(v)
	case []any:
		for i := range v {
			v[i] = printableValue(v[i])
		}
	}
	return v
}
