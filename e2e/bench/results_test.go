package main

import (
	"strings"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures/figurestest"
)

func exampleResults() *results {
	const ms = time.Millisecond
	return &results{
		contenders: []*contender{
			{name: nameNone, samples: []time.Duration{2 * ms}},
			{name: nameNoop, samples: []time.Duration{3 * ms}},
			{name: nameConstant, samples: []time.Duration{4 * ms}},
			{name: nameOurs, samples: []time.Duration{4 * ms}},
		},
		seam: 90 * time.Microsecond, handler: 200 * time.Microsecond,
		firstReady: time.Second, nextReady: time.Second,
		idle: 30 << 20, loaded: 50 << 20,
	}
}

func TestRatioIsOfWhatEachAdds(t *testing.T) {
	r := exampleResults()
	if got := r.ratio(nameNoop); got != 2 {
		t.Errorf("2 ms without, 3 with the no-op and 4 with keda-trust: ratio is %v, want 2", got)
	}
	if got := r.ratio(nameConstant); got != 1 {
		t.Errorf("2 ms without, 4 with the constant patch and 4 with keda-trust: ratio is %v, want 1", got)
	}
}

func TestWhatMissesIsPrintedAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*results)
		want   string
	}{
		"the ratio":   {func(*results) {}, "2.00  <= 1.30  missed"},
		"the handler": {func(r *results) { r.handler = 401 * time.Microsecond }, "401  <= 400  missed"},
		"the start":   {func(r *results) { r.nextReady = 2100 * time.Millisecond }, "2.10  <= 2.00  missed"},
		"the memory":  {func(r *results) { r.idle = 41 << 20 }, "41.0  <= 40.0  missed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := exampleResults()
			c.change(r)
			var out strings.Builder
			r.print(&out)
			if got := figurestest.Columns(out.String()); !strings.Contains(got, c.want) {
				t.Errorf("does not have %q:\n%s", c.want, got)
			}
		})
	}
}

func TestWhatHoldsIsNotCalledMissed(t *testing.T) {
	r := exampleResults()
	r.find(nameOurs).samples = []time.Duration{3300 * time.Microsecond} // exactly 1.3
	for _, f := range r.figures() {
		if f.Missed {
			t.Errorf("%s: %s is missed, want %s", f.Name, f.Measured, f.Wanted)
		}
	}
}

func TestAPolicyThatIsNotServedIsSaid(t *testing.T) {
	var out strings.Builder
	exampleResults().print(&out)
	if !strings.Contains(out.String(), namePolicy+" is not served") {
		t.Errorf("the policy is not mentioned:\n%s", out.String())
	}
}
