package main

import (
	"strings"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/figures/figurestest"
	"github.com/keda-trust/keda-trust/injector"
)

const ms = time.Millisecond

// taken is a sample that both objects took a time for.
func taken(apiService, webhooks time.Duration) sample {
	return sample{object: [objects]time.Duration{apiService, webhooks}, all: max(apiService, webhooks)}
}

// phaseOf is one that has come to its end, with two writes of objects for two
// changes in each of its rotations.
func phaseOf(resident int64, samples ...sample) phase {
	n := len(samples)
	return phase{
		complete: true,
		samples:  samples,
		requests: traffic{reads: 3 * n, written: [objects]int{n, n}, otherWrites: n},
		changes:  2 * n,
		memory:   figures.Memory{Resident: resident, Peak: resident + 1<<20},

		certificates: 1, most: 2,
	}
}

// exampleResults have nothing that misses.
func exampleResults() *results {
	return &results{
		options: options{rounds: 1, rotations: 2, secrets: 1000, lag: 5 * time.Second},
		standings: []*standing{
			{name: injector.Name, version: "v0.1.0", turns: []measured{{
				plain:   phaseOf(20<<20, taken(5*ms, 4*ms), taken(6*ms, 5*ms)),
				crowded: phaseOf(24<<20, taken(5*ms, 5*ms), taken(6*ms, 6*ms)),
				calls:   calls{made: 800},
			}}},
			{name: "cainjector", version: "v1", turns: []measured{{
				plain: phaseOf(40<<20, taken(20*ms, 22*ms), taken(21*ms, 23*ms)),
			}}},
			{name: "cert-controller", version: "v0", turns: []measured{{
				plain: phaseOf(30<<20, taken(10*ms, 11*ms), taken(12*ms, 14*ms)),
				calls: calls{made: 800, failed: 250, first: "unknown authority", from: 20 * ms, to: 5 * time.Second},
			}}},
		},
	}
}

func (r *results) ours() *measured { return &r.find(injector.Name).turns[0] }

func TestNothingIsMissedThatHolds(t *testing.T) {
	all := exampleResults().figures()
	if len(all) != 11 {
		t.Errorf("there are %d figures", len(all))
	}
	for _, f := range all {
		if f.Verdict() != "" {
			t.Errorf("%s: measured %q, wanted %q: %s", f.Name, f.Measured, f.Wanted, f.Verdict())
		}
	}
}

func TestEachFigureMissesByItself(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*measured)
		missed string // a part of its name
		value  string
	}{
		"half the time of the faster": {func(m *measured) { m.plain.samples = []sample{taken(6*ms, 6*ms)} }, "p50, in times the faster", "0.55"},
		"slower in one object": {func(m *measured) {
			m.plain.samples[1] = taken(6*ms, 15*ms)
			m.plain.samples = append(m.plain.samples, taken(5*ms, 5*ms))
		}, "worst of p50 and p95", "1.07"},
		"a write too many":              {func(m *measured) { m.plain.requests.written[apiService]++ }, "each change", "1.25"},
		"a write where nothing changed": {func(m *measured) { m.plain.touched.written[webhookConfiguration] = 1 }, "nothing changed", "1"},
		"as much memory as one of them": {func(m *measured) { m.plain.memory.Resident = 30 << 20 }, "resident memory, MiB", "30.0"},
		"as much at its peak":           {func(m *measured) { m.plain.memory.Peak = 31 << 20 }, "at its peak", "31.0"},
		"three generations for a while": {func(m *measured) { m.plain.most = 3 }, "ever", "3"},
		"nothing pruned":                {func(m *measured) { m.plain.certificates = 21 }, "after 2 rotations", "21"},
		"a failed call":                 {func(m *measured) { m.calls.failed = 1 }, "calls that failed", "1"},
		"slower among others":           {func(m *measured) { m.crowded.samples = []sample{taken(6*ms, 6*ms)} }, "in times without", "1.20"},
		"more memory among others":      {func(m *measured) { m.crowded.memory.Resident = 26 << 20 }, "resident memory more", "6.0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := exampleResults()
			c.change(r.ours())
			found := false
			for _, f := range r.figures() {
				if !strings.Contains(f.Name, c.missed) {
					continue
				}
				found = true
				if f.Measured != c.value || f.Verdict() != "missed" {
					t.Errorf("%s: measured %q, wanted %q: %q", f.Name, f.Measured, f.Wanted, f.Verdict())
				}
			}
			if !found {
				t.Errorf("there is no figure %q", c.missed)
			}
		})
	}
}

func TestTheFasterPeerIsTheOneToBeat(t *testing.T) {
	r := exampleResults()
	if got, measured := r.ratio(r.find(injector.Name), both, 0.5); !measured || figures.Times(got) != "0.45" {
		t.Errorf("5 ms to 11 and to 22: %v, %t", got, measured)
	}
}

func TestWhatDidNotComeToItsEndIsNotMeasured(t *testing.T) {
	r := exampleResults()
	memory := figures.Memory{Resident: 20 << 20, Peak: 21 << 20}
	*r.ours() = measured{
		plain: phase{memory: memory}, crowded: phase{memory: memory},
		faults: []string{"alone: APIService x has the new CA, not within 20s"},
	}
	for _, f := range r.figures() {
		want := "not measured"
		if strings.Contains(f.Name, "memory") {
			want = ""
		}
		if f.Verdict() != want {
			t.Errorf("%s: measured %q: verdict is %q, want %q", f.Name, f.Measured, f.Verdict(), want)
		}
	}
	var out strings.Builder
	r.print(&out)
	if want := "keda-trust, round 1, alone: APIService x has the new CA, not within 20s"; !strings.Contains(out.String(), want) {
		t.Errorf("it does not say %q:\n%s", want, out.String())
	}
}

func TestRoundsAreHeldTogetherByTheirMedians(t *testing.T) {
	s := &standing{turns: []measured{
		{plain: phaseOf(30<<20, taken(10*ms, 10*ms), taken(20*ms, 20*ms), taken(30*ms, 30*ms)), crowded: phaseOf(32 << 20)},
		{plain: phaseOf(50<<20, taken(40*ms, 41*ms)), crowded: phaseOf(90 << 20)},
		{plain: phaseOf(40<<20, taken(5*ms, 6*ms)), crowded: phaseOf(41 << 20)},
		{}, // in which nothing was measured
	}}
	if got := s.medians(alone, both); len(got) != 3 || got[0] != 20*ms || got[1] != 41*ms || got[2] != 6*ms {
		t.Errorf("medians of the rounds: %v", got)
	}
	if got := figures.Quantile(s.times(alone, apiService), 0.95); got != 40*ms {
		t.Errorf("p95 of all samples is %v", got)
	}
	if got, measured := s.memory(alone); !measured || got.Resident != 40<<20 || got.Peak != 41<<20 {
		t.Errorf("memory is %+v, %t", got, measured)
	}
	if got, measured := s.growth(); !measured || got != 2<<20 {
		t.Errorf("it grows by %d, %t; each round is compared with itself", got, measured)
	}
	if got := s.tally(alone); got.rotations != 5 || got.changes != 10 || got.requests.reads != 15 || got.touches != 3*touches {
		t.Errorf("%+v", got)
	}
	if got := s.tally(crowded); got.rotations != 0 {
		t.Errorf("among others there were %d rotations", got.rotations)
	}
}

func TestTheTableHasWhatWasMeasured(t *testing.T) {
	var out strings.Builder
	exampleResults().print(&out)
	text := figurestest.Columns(out.String())
	for _, want := range []string{
		"keda-trust v0.1.0, cainjector v1, cert-controller v0",
		"cainjector  20.00  21.00  22.00  23.00  22.00  23.00  22.00  22.00  2", // times
		"cert-controller  3.00  1.00  1.00  1.00  2.00  1.00",                   // requests
		"keda-trust  20.0  21.0  1  2",                                          // memory, certificates
		"keda-trust  24.0  25.0  4.0",                                           // among others
		"cert-controller  800  250  0.02  5.00",                                 // calls
		"keda-trust  800  0  -  -",
		"cert-controller: unknown authority",
		"How they differ:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestWithoutOthersNothingIsSaidOfThem(t *testing.T) {
	r := exampleResults()
	r.options.secrets = 0
	var out strings.Builder
	r.print(&out)
	if strings.Contains(out.String(), "other Secrets") {
		t.Errorf("other Secrets are mentioned:\n%s", out.String())
	}
}

func TestAnErrorIsAbridgedToItsCause(t *testing.T) {
	if got := abridge("short"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := abridge(strings.Repeat("ä", 500) + "the cause"); !strings.HasSuffix(got, "the cause") || len([]rune(got)) != 201 {
		t.Errorf("got %d letters: %q", len([]rune(got)), got)
	}
}
