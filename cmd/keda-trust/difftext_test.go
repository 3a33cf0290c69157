package main

import (
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/preview"
)

func TestDiffSaysWhereHandshakesMayFail(t *testing.T) {
	t.Parallel()
	ours := &injector.State{ID: "ours", CertificateSecret: injector.PublishedSecret}
	theirs := &injector.State{ID: "theirs", KEDAIssues: true, CertificateSecret: injector.KEDACertSecret}
	for name, c := range map[string]struct {
		published, resolved *injector.State
		want                bool
	}{
		"back to KEDA's own":          {ours, theirs, true},
		"back to what was installed":  {ours, &injector.State{ID: "none"}, true},
		"another that is published":   {ours, &injector.State{ID: "other", CertificateSecret: injector.PublishedSecret}, false},
		"from KEDA's own":             {theirs, ours, false},
		"where nothing was published": {nil, theirs, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := preview.Preview{Published: c.published, Carried: c.resolved, Resolution: injector.Resolution{State: c.resolved}}
			said := strings.Join(summary(screen{}, "keda", p, 0), "\n")
			if strings.Contains(said, "Handshakes: may fail") != c.want {
				t.Errorf("want it said: %v, got:\n%s", c.want, said)
			}
		})
	}
}
