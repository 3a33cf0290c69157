package figures

import (
	"cmp"
	"fmt"
	"io"
	"time"
)

// Figure is a measurement beside what is wanted of it, if anything is.
type Figure struct {
	Name     string
	Measured string // empty where it could not be measured
	Wanted   string // empty where nothing is
	Missed   bool
}

// AtMost is a figure that what is wanted bounds from above, both in the same
// unit.
func AtMost[T cmp.Ordered](name string, measured, wanted T, unit func(T) string) Figure {
	return Figure{Name: name, Measured: unit(measured), Wanted: "<= " + unit(wanted), Missed: measured > wanted}
}

// Told is a figure of which nothing is wanted.
func Told[T any](name string, measured T, unit func(T) string) Figure {
	return Figure{Name: name, Measured: unit(measured)}
}

// Verdict is what stands at the end of the figure's line.
func (f Figure) Verdict() string {
	switch {
	case f.Measured == "" && f.Wanted != "":
		return "not measured"
	case f.Missed:
		return "missed"
	}
	return ""
}

// PrintFigures writes them below each other. A figure that misses what is
// wanted is printed as it is.
func PrintFigures(to io.Writer, all []Figure) {
	width := len("measured")
	for _, f := range all {
		width = max(width, len([]rune(f.Name)))
	}
	line := fmt.Sprintf("%%-%ds  %%8s%%10s  %%s\n", width)
	fmt.Fprintf(to, line, "", "measured", "wanted", "")
	for _, f := range all {
		measured := f.Measured
		if measured == "" {
			measured = "-"
		}
		fmt.Fprintf(to, line, f.Name, measured, f.Wanted, f.Verdict())
	}
}

// Milliseconds has two digits after the point.
func Milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

// Microseconds has none.
func Microseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f", float64(d)/float64(time.Microsecond))
}

// Seconds has two.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// Times is a factor, with two digits.
func Times(factor float64) string { return fmt.Sprintf("%.2f", factor) }

// Mebibytes has one.
func Mebibytes(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
