package figures

import (
	"strings"
	"testing"
	"time"
)

func TestAFigureSaysWhatBecameOfIt(t *testing.T) {
	for want, f := range map[string]Figure{
		"":             {Measured: "1", Wanted: "<= 2"},
		"missed":       {Measured: "3", Wanted: "<= 2", Missed: true},
		"not measured": {Wanted: "<= 2"},
	} {
		if got := f.Verdict(); got != want {
			t.Errorf("%+v: verdict is %q, want %q", f, got, want)
		}
	}
	if got := (Figure{Name: "told by the way"}).Verdict(); got != "" {
		t.Errorf("of a figure that nothing is wanted of, the verdict is %q", got)
	}
}

func TestOnlyWhatExceedsIsMissed(t *testing.T) {
	for measured, missed := range map[float64]bool{0: false, 1.3: false, 1.301: true} {
		if got := AtMost("a ratio", measured, 1.3, Times).Missed; got != missed {
			t.Errorf("%v of at most 1.3: missed is %t", measured, got)
		}
	}
}

func TestFiguresAreAligned(t *testing.T) {
	var out strings.Builder
	PrintFigures(&out, []Figure{
		{Name: "in µs", Measured: "90", Wanted: "<= 100"},
		{Name: "a longer name, in ms", Wanted: "<= 1.00"},
	})
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("want a header and two lines, got\n%s", out.String())
	}
	column := func(line, of string) int { return len([]rune(line[:strings.Index(line, of)+len(of)])) }
	if column(lines[0], "measured") != column(lines[1], "90") || column(lines[0], "wanted") != column(lines[2], "<= 1.00") {
		t.Errorf("columns do not end below their titles:\n%s", out.String())
	}
	if !strings.HasSuffix(lines[2], "not measured") {
		t.Errorf("what was not measured is not called so: %q", lines[2])
	}
}

func TestUnitsAreRoundedAndNotCut(t *testing.T) {
	for got, want := range map[string]string{
		Milliseconds(2345678 * time.Nanosecond): "2.35",
		Microseconds(1999 * time.Nanosecond):    "2",
		Seconds(2 * time.Second):                "2.00",
		Mebibytes(40<<20 + 300<<10):             "40.3",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
