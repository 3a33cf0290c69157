package injector

import (
	"os"
	"testing"
)

// BenchmarkInjectOperator is the seam for the operator of KEDA 2.21 as the API
// server sends it, with managed fields and defaults.
func BenchmarkInjectOperator(b *testing.B) {
	raw, err := os.ReadFile("testdata/bench/operator-2.21.0.json")
	if err != nil {
		b.Fatal(err)
	}
	state := publishedState(b)
	live, report := injectedOnce(b, raw, nil, state)
	if !report.Injected {
		b.Fatalf("was not injected: %s", report.Message)
	}
	for name, r := range map[string]Request{
		"create": {Object: raw, Mode: ModeEnabled, State: state},
		"update": {Object: live, OldObject: live, Mode: ModeEnabled, State: state},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Inject(r)
			}
		})
	}
}
