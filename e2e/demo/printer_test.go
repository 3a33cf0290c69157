package main

import (
	"strings"
	"testing"
)

func TestColoursAreForTerminalsUnlessSomebodySaysOtherwise(t *testing.T) {
	cases := []struct {
		noColor, forceColor string
		terminal, want      bool
	}{
		{terminal: true, want: true},
		{terminal: false, want: false},
		{forceColor: "1", terminal: false, want: true},
		{noColor: "1", terminal: true, want: false},
		{noColor: "1", forceColor: "1", terminal: true, want: false},
	}
	for _, c := range cases {
		getenv := func(name string) string {
			return map[string]string{"NO_COLOR": c.noColor, "FORCE_COLOR": c.forceColor}[name]
		}
		if got := colourful(getenv, c.terminal); got != c.want {
			t.Errorf("%+v: got %t", c, got)
		}
	}
}

func TestADiffShowsWhatChangedAndTellsWhetherAnythingDid(t *testing.T) {
	var out strings.Builder
	p := &printer{to: &out, colour: true}
	if p.diff(version{"a", "same\n"}, version{"b", "same\n"}) || out.Len() > 0 {
		t.Errorf("nothing changed, shown is %q", out.String())
	}
	if !p.diff(version{"a", "same\nold\n"}, version{"b", "same\nnew\n"}) {
		t.Error("a change was not told")
	}
	for _, want := range []string{red + "-old" + plain, green + "+new" + plain, "\n same\n", "--- a", "+++ b"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %q", want, out.String())
		}
	}
}

func TestALongLineIsCutBetweenLetters(t *testing.T) {
	if got := shorten(strings.Repeat("é", 150)); got != strings.Repeat("é", 140)+"… (10 more)" {
		t.Errorf("got %q", got)
	}
}
