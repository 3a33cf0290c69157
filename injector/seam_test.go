package injector

import (
	"encoding/json"
	"reflect"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	gomodules "gomodules.xyz/jsonpatch/v2"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// sealed is a state as the leader would publish it.
func sealed(t testing.TB, s State) *State {
	t.Helper()
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	return &s
}

// publishedState has a certificate and custom CAs; nothing reads their content.
func publishedState(t testing.TB) *State {
	return sealed(t, State{
		CertificateSecret: PublishedSecret, CertificateDigest: "0123456789abcdef", CABundle: []byte("ours"),
		CustomCAConfigMap: PublishedCAPrefix + "0123456789", CustomCADir: DefaultCustomCADir,
	})
}

func kedaIssuesState(t testing.TB) *State {
	return sealed(t, State{KEDAIssues: true, CertificateSecret: KEDACertSecret})
}

// patched applies what Inject answered as the API server would.
func patched(t testing.TB, object []byte, ops []gomodules.Operation) []byte {
	t.Helper()
	if len(ops) == 0 {
		return object
	}
	raw, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := patch.Apply(object)
	if err != nil {
		t.Fatalf("applying %s: %v\nto %s", raw, err, object)
	}
	return out
}

// injectedOnce is the object after one injection.
func injectedOnce(t testing.TB, object, old []byte, state *State) ([]byte, Report) {
	t.Helper()
	r := Inject(Request{Object: object, OldObject: old, Mode: ModeEnabled, State: state})
	return patched(t, object, r.Patch), r.Report
}

// settled is the object after an injection that a second one does not change.
func settled(t testing.TB, object, old []byte, state *State) []byte {
	t.Helper()
	out, report := injectedOnce(t, object, old, state)
	if !report.Injected {
		t.Fatalf("was not injected: %s: %s", report.Reason, report.Message)
	}
	assertNoChange(t, Request{Object: out, OldObject: out, Mode: ModeEnabled, State: state})
	assertNoChange(t, Request{Object: out, Mode: ModeEnabled, State: state})
	return out
}

func assertNoChange(t testing.TB, r Request) {
	t.Helper()
	if ops := Inject(r).Patch; len(ops) > 0 {
		t.Errorf("injecting a second time changes %v", ops)
	}
}

func uninjected(t testing.TB, object []byte) []byte {
	t.Helper()
	return patched(t, object, Inject(Request{Object: object, Mode: ModeDisabled, Offline: true}).Patch)
}

func assertUninjects(t testing.TB, object, want []byte) {
	t.Helper()
	assertSame(t, "un-injected", uninjected(t, object), want)
}

// assertSame compares documents as the API server stores them, where an empty
// list or map is as good as none.
func assertSame(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !reflect.DeepEqual(value(t, got), value(t, want)) {
		t.Errorf("%s is\n%s\nwant\n%s", what, asYAML(t, got), asYAML(t, want))
	}
}

func value(t testing.TB, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return withoutEmpty(v)
}

func withoutEmpty(v any) any {
	switch typed := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range typed {
			if item = withoutEmpty(item); item != nil {
				out[key] = item
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		out := make([]any, len(typed))
		for i, item := range typed {
			out[i] = withoutEmpty(item)
		}
		if len(out) > 0 {
			return out
		}
		return nil
	}
	return v
}

func asYAML(t testing.TB, raw []byte) string {
	t.Helper()
	out, err := yaml.JSONToYAML(raw)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func asJSON(t testing.TB, text string) []byte {
	t.Helper()
	out, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// edited is a Deployment after a person changed it.
func edited(t testing.TB, object []byte, change func(d *appsv1.Deployment)) []byte {
	t.Helper()
	d := decoded(t, object)
	change(d)
	out, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func decoded(t testing.TB, object []byte) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := json.Unmarshal(object, d); err != nil {
		t.Fatal(err)
	}
	return d
}
