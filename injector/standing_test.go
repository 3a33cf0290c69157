package injector

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// withoutEdit is live as a keda-trust left it that did not make such an edit.
func withoutEdit(t *testing.T, live []byte, kind editKind, key string) []byte {
	t.Helper()
	return edited(t, live, func(d *appsv1.Deployment) {
		r, err := parseRecord(d.Annotations[AnnotationInjected])
		if err != nil {
			t.Fatal(err)
		}
		before := len(r.Edits)
		r.Edits = slices.DeleteFunc(r.Edits, func(e edit) bool { return e.Kind == kind && e.Key == key })
		c := kedaContainer(d)
		c.Env = slices.Delete(c.Env, envIndex(c.Env, key), envIndex(c.Env, key)+1)
		if d.Annotations[AnnotationInjected], err = r.encode(); err != nil || len(r.Edits) != before-1 {
			t.Fatalf("%d of %d edits are left, error %v", len(r.Edits), before, err)
		}
	})
}

func TestHowADeploymentStands(t *testing.T) {
	t.Parallel()
	changed := func(change func(*State)) *State {
		s := *publishedState(t)
		change(&s)
		return sealed(t, s)
	}
	state := publishedState(t)
	otherCA := changed(func(s *State) { s.CustomCAConfigMap = PublishedCAPrefix + "fedcba9876" })
	otherLeaf := changed(func(s *State) { s.CertificateDigest = "fedcba9876543210" })
	manifest := operatorAsStored(t)
	oldManifest := edited(t, manifest, func(d *appsv1.Deployment) { kedaContainer(d).Image = "ghcr.io/kedacore/keda:2.17.1" })
	live, oldLive := settled(t, manifest, nil, state), settled(t, oldManifest, nil, state)
	label := func(object []byte, key, value string) []byte {
		return edited(t, object, func(d *appsv1.Deployment) { set(&d.Labels, key, value) })
	}
	bare := func(change func(*appsv1.Deployment)) []byte { return edited(t, live, change) }
	faulty := edited(t, manifest, func(d *appsv1.Deployment) { kedaContainer(d).Args[1] = "--enable-cert-rotation=$(ROTATE)" })

	for name, c := range map[string]struct {
		object         []byte
		mode           Mode
		state          *State
		nudge, restart bool
		why            Reason
	}{
		"never injected":                           {manifest, ModeEnabled, state, true, true, ReasonFirstInjection},
		"injected":                                 {live, ModeEnabled, state, false, false, ""},
		"nothing published":                        {manifest, ModeEnabled, nil, false, false, ""},
		"audited":                                  {manifest, ModeAudit, state, false, false, ""},
		"not managed":                              {manifest, ModeUnmanaged, state, false, false, ""},
		"another custom CA":                        {live, ModeEnabled, otherCA, true, true, ReasonCustomCAChanged},
		"no custom CA any more":                    {live, ModeEnabled, changed(func(s *State) { s.CustomCAConfigMap, s.CustomCADir = "", "" }), true, true, ReasonCustomCAChanged},
		"another leaf, read again by KEDA":         {live, ModeEnabled, otherLeaf, false, false, ""},
		"another leaf, read at the start only":     {oldLive, ModeEnabled, otherLeaf, true, true, ReasonCertificateChanged},
		"another directory":                        {live, ModeEnabled, changed(func(s *State) { s.CertDir = "/tls" }), true, true, ReasonStateChanged},
		"another caBundle":                         {live, ModeEnabled, changed(func(s *State) { s.CABundle = []byte("new") }), false, false, ""},
		"written by an older keda-trust":           {withoutEdit(t, live, editEnv, envServiceMinTLS), ModeEnabled, state, false, false, ""},
		"the same, and another caBundle":           {withoutEdit(t, live, editEnv, envServiceMinTLS), ModeEnabled, changed(func(s *State) { s.CABundle = []byte("new") }), false, false, ""},
		"the same, and another directory":          {withoutEdit(t, live, editEnv, envServiceMinTLS), ModeEnabled, changed(func(s *State) { s.CertDir = "/tls" }), true, true, ReasonStateChanged},
		"rolled out by hand from now on":           {live, ModeEnabled, changed(func(s *State) { s.ManualRollout = true }), false, false, ""},
		"a manifest written past admission":        {restated(t, live, manifest), ModeEnabled, state, true, true, ReasonRepaired},
		"a variable taken away past admission":     {bare(func(d *appsv1.Deployment) { kedaContainer(d).Env = nil }), ModeEnabled, state, true, true, ReasonRepaired},
		"a volume changed past admission":          {bare(func(d *appsv1.Deployment) { d.Spec.Template.Spec.Volumes[1].Secret.SecretName = "other" }), ModeEnabled, state, true, true, ReasonRepaired},
		"another variable of ours, past admission": {edited(t, oldLive, func(d *appsv1.Deployment) { kedaContainer(d).Env[1].Value = "old" }), ModeEnabled, state, true, true, ReasonRepaired},
		"the record taken away past admission":     {bare(func(d *appsv1.Deployment) { delete(d.Annotations, AnnotationInjected) }), ModeEnabled, state, true, false, ""},
		"a replica more":                           {bare(func(d *appsv1.Deployment) { d.Spec.Replicas = ptr(int32(2)) }), ModeEnabled, state, false, false, ""},
		"with the label of an audit":               {label(live, LabelState, StateAudit), ModeEnabled, state, true, false, ""},
		"a fault":                                  {faulty, ModeEnabled, state, true, false, ""},
		"a fault that was told":                    {label(faulty, LabelState, StateRefused), ModeEnabled, state, false, false, ""},
		"opted out":                                {label(live, LabelInject, "disabled"), ModeEnabled, state, true, true, ReasonUninjected},
		"opted out, never injected":                {label(manifest, LabelInject, "disabled"), ModeEnabled, state, false, false, ""},
		"disabled":                                 {live, ModeDisabled, nil, true, true, ReasonUninjected},
		"disabled, never injected":                 {manifest, ModeDisabled, state, false, false, ""},
		"disabled, with our label only":            {label(manifest, LabelState, StatePending), ModeDisabled, nil, true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Request{Object: c.object, Mode: c.mode, State: c.state}
			s := Stand(r)
			if s.Nudge != c.nudge || s.Restart != c.restart || s.Why != c.why {
				t.Errorf("nudge %t, restart %t, why %q; want %t, %t, %q", s.Nudge, s.Restart, s.Why, c.nudge, c.restart, c.why)
			}
			r.OldObject = r.Object
			r.Object = patched(t, r.Object, Inject(r).Patch)
			if after := Stand(r); s.Nudge && after.Nudge {
				t.Errorf("the write that is wanted leaves it standing as %+v", after)
			}
		})
	}
}

func TestAnAPIServiceIsNudgedForAnyDifference(t *testing.T) {
	t.Parallel()
	api := asJSON(t, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec: {service: {name: keda-metrics-apiserver, namespace: keda}}
`)
	request := Request{Object: api, Mode: ModeEnabled, State: publishedState(t)}
	if s := Stand(request); !s.Nudge || s.Restart {
		t.Errorf("without a caBundle it stands as %+v", s)
	}
	request.Object = patched(t, api, Inject(request).Patch)
	if s := Stand(request); s.Nudge {
		t.Errorf("with the caBundle it stands as %+v", s)
	}
	request.Mode = ModeDisabled
	if s := Stand(request); !s.Nudge || s.Restart {
		t.Errorf("disabled, it stands as %+v", s)
	}
}
