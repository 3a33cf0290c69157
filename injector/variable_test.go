package injector

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The variable is ours in KEDA's container, however often an installer wrote it
// there, and the user's in every other.
func TestWhoseTheVariableIs(t *testing.T) {
	t.Parallel()
	const readsOnce, rereads, notKEDA = "keda:2.16.1", "keda:2.21.0", "shop:1"
	stale := corev1.EnvVar{Name: EnvCertificate, Value: "fedcba9876543210"}
	theirs := corev1.EnvVar{Name: EnvCertificate, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}
	cases := map[string]struct {
		image                       string
		first, sidecar              []corev1.EnvVar
		enabled, disabled, besideIt []string // the variable's values in each container
	}{
		"once":                              {image: readsOnce, first: []corev1.EnvVar{stale}, enabled: []string{"0123456789abcdef"}},
		"once, and a KEDA that reads anew":  {image: rereads, first: []corev1.EnvVar{stale}},
		"twice":                             {image: readsOnce, first: []corev1.EnvVar{stale, stale}, enabled: []string{"0123456789abcdef"}},
		"twice, and a KEDA that reads anew": {image: rereads, first: []corev1.EnvVar{stale, stale}},
		"with a value from elsewhere":       {image: rereads, first: []corev1.EnvVar{theirs, stale}, enabled: []string{""}, disabled: []string{""}},
		"in a sidecar, too": {image: readsOnce, first: []corev1.EnvVar{stale}, sidecar: []corev1.EnvVar{stale},
			enabled: []string{"0123456789abcdef"}, besideIt: []string{stale.Value}},
		"in a container without a name": {image: notKEDA, sidecar: []corev1.EnvVar{stale}, besideIt: []string{stale.Value}},
		"where nothing is KEDA's":       {image: notKEDA, first: []corev1.EnvVar{stale}, enabled: []string{stale.Value}, disabled: []string{stale.Value}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := appsv1.Deployment{}
			d.APIVersion, d.Kind, d.Name, d.Namespace = "apps/v1", "Deployment", "it", "keda"
			d.Spec.Template.Spec.Containers = []corev1.Container{
				{Image: "mesh:1", Env: c.sidecar}, // a name that is missing is no record's
				{Name: "it", Image: c.image, Env: c.first},
			}
			document, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			state := sealed(t, State{CertificateSecret: PublishedSecret, CertificateDigest: "0123456789abcdef", CABundle: []byte("ours")})
			enabled := patched(t, document, Inject(Request{Object: document, Mode: ModeEnabled, State: state}).Patch)
			assertNoChange(t, Request{Object: enabled, Mode: ModeEnabled, State: state})
			for mode, want := range map[string]struct {
				object []byte
				values []string
			}{
				"enabled": {enabled, c.enabled}, "disabled": {uninjected(t, enabled), c.disabled}, "disabled at once": {uninjected(t, document), c.disabled},
			} {
				containers := decoded(t, want.object).Spec.Template.Spec.Containers
				if got := certificatesIn(containers[1].Env); !slices.Equal(got, want.values) {
					t.Errorf("%s: KEDA's container has the values %q, want %q", mode, got, want.values)
				}
				if got := certificatesIn(containers[0].Env); !slices.Equal(got, c.besideIt) {
					t.Errorf("%s: the sidecar has the values %q, want %q", mode, got, c.besideIt)
				}
			}
		})
	}
}

func TestAuditTellsWhatBecomesOfTheVariable(t *testing.T) {
	t.Parallel()
	const value = "0123456789abcdef"
	state := sealed(t, State{CertificateSecret: PublishedSecret, CertificateDigest: value, CABundle: []byte("ours")})
	ours := corev1.EnvVar{Name: EnvCertificate, Value: value}
	const set = "would set the variable KEDA_TRUST_CERTIFICATE=0123456789abcdef in container operator"
	const takeOut = "would take the variable KEDA_TRUST_CERTIFICATE out of container operator"
	cases := map[string]struct {
		image, recorded string
		env             []corev1.EnvVar
		want            []string
	}{
		"as it is to be":              {"keda:2.16.1", "operator", []corev1.EnvVar{ours}, nil},
		"twice":                       {"keda:2.16.1", "operator", []corev1.EnvVar{ours, ours}, []string{set}},
		"with another value":          {"keda:2.16.1", "operator", []corev1.EnvVar{{Name: EnvCertificate, Value: "x"}}, []string{set}},
		"not there":                   {"keda:2.16.1", "operator", nil, []string{set}},
		"of a container that is gone": {"keda:2.21.0", "gone", []corev1.EnvVar{ours}, []string{takeOut}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := record{Container: c.recorded, Edits: []edit{{Kind: editEnv, Key: EnvCertificate, Now: value}}}.encode()
			if err != nil {
				t.Fatal(err)
			}
			d := appsv1.Deployment{}
			d.APIVersion, d.Kind, d.Name, d.Namespace = "apps/v1", "Deployment", "it", "keda"
			d.Annotations = map[string]string{AnnotationInjected: text}
			d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "operator", Image: c.image, Env: c.env}}
			document, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, warning := range Inject(Request{Object: document, Mode: ModeAudit, State: state}).Report.Warnings {
				if _, sentence, found := strings.Cut(warning, "would "); found && strings.Contains(sentence, EnvCertificate) {
					got = append(got, "would "+sentence)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("audit tells %q, want %q", got, c.want)
			}
		})
	}
}

// The record tells of it where nothing is KEDA's any more.
func TestTheVariableIsTakenOutOfWhatIsKEDANoLonger(t *testing.T) {
	t.Parallel()
	d := operatorWith()
	d.APIVersion, d.Kind = "apps/v1", "Deployment"
	d.Spec.Template.Spec.Containers[0].Image = "keda:2.16.1"
	document, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	d = decoded(t, settled(t, document, nil, sealed(t, State{CertificateSecret: PublishedSecret, CertificateDigest: "0123456789abcdef", CABundle: []byte("ours")})))
	if got := certificatesIn(d.Spec.Template.Spec.Containers[0].Env); len(got) != 1 {
		t.Fatalf("the variable was injected as %q", got)
	}
	d.Annotations[AnnotationComponent] = componentNone
	object, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := certificatesIn(decoded(t, uninjected(t, object)).Spec.Template.Spec.Containers[0].Env); len(got) != 0 {
		t.Errorf("the variable is left as %q", got)
	}
}

// A sidecar with a variable of that name is no reason to restart.
func TestTheVariableOfASidecarRestartsNothing(t *testing.T) {
	t.Parallel()
	state := publishedState(t)
	d := decoded(t, settled(t, operatorAsStored(t), nil, state))
	d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers,
		corev1.Container{Name: "sidecar", Image: "mesh:1", Env: []corev1.EnvVar{{Name: EnvCertificate, Value: "x"}}})
	object, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if s := Stand(Request{Object: object, Mode: ModeEnabled, State: state}); s.Nudge || s.Restart {
		t.Errorf("nudge %v, restart %v for %s, want neither", s.Nudge, s.Restart, s.Why)
	}
}

func certificatesIn(env []corev1.EnvVar) []string {
	var out []string
	for _, v := range env {
		if v.Name == EnvCertificate {
			out = append(out, v.Value)
		}
	}
	return out
}
