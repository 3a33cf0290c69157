package main

import (
	"cmp"
	"strings"
	"testing"
	"time"

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

func TestDiffSaysUntilWhenARestartWaits(t *testing.T) {
	t.Parallel()
	object := preview.Object{Report: injector.Report{Kind: "Deployment", Namespace: "keda", Name: "operator", Component: "operator"}, Restarts: true}
	for at, want := range map[time.Time]string{
		{}: "  1. Deployment keda/operator (operator)",
		time.Date(2026, 11, 1, 13, 2, 3, 0, time.FixedZone("CET", 3600)): "  1. Deployment keda/operator (operator), not before 12:02:03Z; keda-trust restarted it not long ago",
	} {
		object.NotBefore = at
		if said := restartLines(screen{}, preview.Preview{Objects: []preview.Object{object}})[1]; said != want {
			t.Errorf("said %q, want %q", said, want)
		}
	}
}

func TestDiffSaysWhatTheSourcesGiveBeyondWhatIsPublished(t *testing.T) {
	t.Parallel()
	published, wanted := &injector.State{ID: "published"}, &injector.State{ID: "wanted", CustomCAConfigMap: "keda-trust-ca-1"}
	const gives = "Sources: they give wanted, which is not published yet: certificates stay as they are, 0 custom CAs in ConfigMap keda-trust-ca-1\n"
	for name, c := range map[string]struct {
		published *injector.State
		lag       preview.Lag
		want      string
	}{
		"nothing": {published, preview.LagNone, "State: published, which is published\nChanges: 0 of 0 objects\n"},
		"the next stage": {published, preview.LagStaged, "State: published, which is published\n" + gives +
			"  a change of certificate is under way, and published is a stage of it: the next follows when all of KEDA has this one; see the Events of the Namespace: kubectl events -n keda --for namespace/keda\nChanges: 0 of 0 objects, by what is published\n"},
		"what is held back": {published, preview.LagUnpublished, "State: published, which is published\n" + gives +
			"  keda-trust has not published it (yet); see the Events of the Namespace: kubectl events -n keda --for namespace/keda\nChanges: 0 of 0 objects, by what is published\n"},
		"what one may not read": {published, preview.LagUnknown, "State: published, which is published\n" +
			"Sources: not known, for your account may not read all of them\nChanges: 0 of 0 objects, by what is published\n"},
		"all": {nil, preview.LagUnpublished, "State: wanted, which is to be published in Namespace keda: certificates stay as they are, 0 custom CAs in ConfigMap keda-trust-ca-1\n" +
			"  keda-trust has not published it (yet); see the Events of the Namespace: kubectl events -n keda --for namespace/keda\nChanges: 0 of 0 objects\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := preview.Preview{Enabled: true, Published: c.published, Lag: c.lag, Carried: cmp.Or(c.published, wanted), Resolution: injector.Resolution{State: wanted}}
			if said := strings.Join(summary(screen{}, "keda", p, 0), "\n"); !strings.HasPrefix(said, c.want) {
				t.Errorf("said:\n%s\nwant first:\n%s", said, c.want)
			}
		})
	}
}

func TestDiffSaysWhyThePublishedStateStays(t *testing.T) {
	t.Parallel()
	for want, findings := range map[string][]injector.Finding{
		"refused":         {{Reason: injector.ReasonKeyMismatch}},
		"not known":       {{Reason: injector.ReasonSourceForbidden}},
		"not decided yet": {{Reason: injector.ReasonNotPublished, Warning: true}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			state := &injector.State{ID: "published"}
			p := preview.Preview{Published: state, Carried: state, Resolution: injector.Resolution{Findings: findings}}
			if said := stateLine("keda", p); !strings.HasSuffix(said, "give now is "+want) {
				t.Errorf("said %q, want %s", said, want)
			}
		})
	}
}
