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
		published, left, resolved *injector.State
		want                      bool
	}{
		"back to KEDA's own":          {ours, nil, theirs, true},
		"back to what was installed":  {ours, nil, &injector.State{ID: "none"}, true},
		"from what was left behind":   {nil, ours, theirs, true},
		"another that is published":   {ours, nil, &injector.State{ID: "other", CertificateSecret: injector.PublishedSecret}, false},
		"from KEDA's own":             {theirs, nil, ours, false},
		"where nothing was published": {nil, nil, theirs, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := preview.Preview{Published: c.published, Left: c.left, Carried: c.resolved, Resolution: injector.Resolution{State: c.resolved}}
			said := strings.Join(summary(screen{}, "keda", p, 0), "\n")
			if strings.Contains(said, "Handshakes: may fail") != c.want {
				t.Errorf("want it said: %v, got:\n%s", c.want, said)
			}
		})
	}
}

func TestDiffSaysWhatTheLabelMakesOfWhatWasInjected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    preview.Preview
		want string
	}{
		"disabled":    {preview.Preview{Disabled: true}, "Label: disabled, so what was injected is taken out"},
		"taken away":  {preview.Preview{Released: true}, "Label: none any more, so what was injected stays"},
		"never there": {preview.Preview{}, "State: none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := strings.Join(summary(screen{}, "keda", c.p, 0), "\n"); !strings.HasPrefix(said, c.want) {
				t.Errorf("want %q first, said:\n%s", c.want, said)
			}
		})
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
