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

func TestDiffSaysThatTheNamespaceIsDisabled(t *testing.T) {
	t.Parallel()
	for _, disabled := range []bool{true, false} {
		said := strings.Join(summary(screen{}, "keda", preview.Preview{Disabled: disabled}, 0), "\n")
		if strings.Contains(said, "Label: disabled, so what was injected is taken out") != disabled {
			t.Errorf("disabled: %v, said:\n%s", disabled, said)
		}
	}
}

func TestDiffSaysWhatRestartsAtEachStage(t *testing.T) {
	t.Parallel()
	object := func(name string, readsOnce bool) preview.Object {
		return preview.Object{Report: injector.Report{Kind: "Deployment", Namespace: "keda", Name: name, Component: name}, Restarts: true, ReadsOnce: readsOnce}
	}
	p := preview.Preview{Objects: []preview.Object{object("webhooks", false), object("operator", true)}}
	for staged, want := range map[bool]string{
		false: "  1. Deployment keda/webhooks (webhooks)\n  2. Deployment keda/operator (operator)",
		true:  "  1. Deployment keda/webhooks (webhooks)\n  2. Deployment keda/operator (operator), up to three times: once a stage of the change of certificate, which this KEDA reads only when it starts",
	} {
		p.Staged = staged
		if said := strings.Join(restartLines(screen{}, p)[1:], "\n"); said != want {
			t.Errorf("staged: %v, said:\n%s\nwant:\n%s", staged, said, want)
		}
	}
}
