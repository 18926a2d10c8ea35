package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/words"
)

// unit is a scale for durations. nebula.js has the same for its axes.
type unit struct {
	name string
	ns   float64
}

var units = []unit{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}

// pick gives the unit and the number of decimals with which ns shows four
// digits.
func pick(ns float64) (u unit, decimals int) {
	for _, u = range units {
		if math.Abs(ns) < 999.95*u.ns {
			break
		}
	}
	if u.ns == 1 {
		return u, 0 // there is nothing below a nanosecond to show
	}
	v := math.Abs(ns) / u.ns
	for decimals = 3; decimals > 0 && v >= 9.9995; decimals-- {
		v /= 10
	}
	return u, decimals
}

func duration(ns int64) string {
	u, d := pick(float64(ns))
	return number(float64(ns)/u.ns, d) + "\u00a0" + u.name
}

// bounds shows an interval in the unit of its median.
func bounds(m Metric) string {
	if m.LowNS == nil {
		return "[too few trials]"
	}
	u, d := pick(float64(m.MedianNS))
	return "[" + number(float64(*m.LowNS)/u.ns, d) + ", " + number(float64(*m.HighNS)/u.ns, d) + "]"
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// ratioDecimals gives about three digits, and one more close to 1, where it
// is the distance from 1 that counts.
func ratioDecimals(r float64) int {
	switch {
	case r >= 99.95:
		return 0
	case r >= 9.995:
		return 1
	case r >= 1.0995:
		return 2
	}
	return 3
}

// span shows the range of some values; one number where they look the same.
func span(low, high float64) string {
	a, b := number(low, ratioDecimals(low)), number(high, ratioDecimals(high))
	if a == b {
		return a
	}
	return a + " to " + b
}

func bracket(low, high float64) string {
	d := ratioDecimals(high)
	return "[" + number(low, d) + ", " + number(high, d) + "]"
}

func size(n uint64) string {
	switch v := float64(n); {
	case v < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case v < 1<<20:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	case v < 1<<30:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	default:
		return fmt.Sprintf("%.1f GiB", v/(1<<30))
	}
}

// level is that of every interval, in words, and intervalHead names one.
var (
	level        = fmt.Sprintf("%g %%", 100*stats.Confidence)
	intervalHead = level + " interval"
)

func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// printable makes a name from a file harmless on a terminal.
func printable(s string) string { return words.Printable(s) }

// command shows arguments as one would type them.
func command(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if i == 0 { // where the program lay is nobody's business
			a = a[strings.LastIndexByte(a, '/')+1:]
		}
		plain := a != "" && strings.IndexFunc(a, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./=:,@%+", r)
		}) < 0
		if !plain {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
