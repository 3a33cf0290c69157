package injector

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apijson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// FuzzInject: no document panics; what Inject patches can be patched, is not
// patched a second time nor restarted, and is given back as it was.
func FuzzInject(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "input.yaml" || part.Name == "want.yaml" {
				document, err := yaml.YAMLToJSON(part.Data)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(document, false)
				f.Add(document, true)
			}
		}
	}
	published := publishedState(f)
	issues := sealed(f, State{KEDAIssues: true, CertificateSecret: KEDACertSecret, CertDir: "/etc/keda"})
	f.Fuzz(func(t *testing.T, document []byte, kedaIssues bool) {
		t.Parallel()
		state := published
		if kedaIssues {
			state = issues
		}
		for _, mode := range []Mode{ModeEnabled, ModeAudit, ModeDisabled} {
			r := Request{Object: document, OldObject: document, Mode: mode, State: state}
			Inject(r)
			Stand(r)
		}
		if stored, ok := asStored(document); ok && mountsItsVolumes(stored) {
			assertInjectsAndGivesBack(t, stored, state)
		}
	})
}

// asStored is a document as an API server would hand it over: without duplicate
// keys and null, and with base64 as it is written, not only as it can be read.
func asStored(document []byte) ([]byte, bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil || decoder.More() {
		return nil, false
	}
	if _, isObject := v.(map[string]any); !isObject {
		return nil, false
	}
	out, err := json.Marshal(stored(v))
	return out, err == nil
}

func stored(v any) any {
	switch typed := v.(type) {
	case map[string]any:
		for key, item := range typed {
			if item == nil {
				delete(typed, key)
				continue
			}
			if text, isText := item.(string); isText && key == "caBundle" {
				if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
					item = base64.StdEncoding.EncodeToString(raw)
				}
			}
			typed[key] = stored(item)
		}
	case []any:
		for i, item := range typed {
			typed[i] = stored(item)
		}
	}
	return v
}

// mountsItsVolumes: an API server stores no mount of a volume that is not there,
// nor one that is there in another case.
func mountsItsVolumes(document []byte) bool {
	var d appsv1.Deployment
	if apijson.Unmarshal(document, &d) != nil {
		return true // nothing of it is changed
	}
	spec := d.Spec.Template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, m := range c.VolumeMounts {
			if volumeIndex(spec.Volumes, m.Name) < 0 {
				return false
			}
		}
	}
	return true
}

func assertInjectsAndGivesBack(t *testing.T, document []byte, state *State) {
	t.Helper()
	r := Inject(Request{Object: document, Mode: ModeEnabled, State: state})
	out := patched(t, document, r.Patch)
	assertNoChange(t, Request{Object: out, OldObject: out, Mode: ModeEnabled, State: state})
	if s := Stand(Request{Object: out, Mode: ModeEnabled, State: state}); s.Nudge {
		t.Errorf("what was injected is to be injected again, restarting: %v, for %s", s.Restart, s.Why)
	}
	back, want := uninjected(t, out), document
	assertNoChange(t, Request{Object: back, OldObject: back, Mode: ModeDisabled})
	if bytes.Contains(document, []byte(Name)) || bytes.Contains(document, []byte(EnvCertificate)) { // carries something of ours already
		want = uninjected(t, document)
	}
	if r.Report.Reason == ReasonInjected && !reflect.DeepEqual(value(t, back), value(t, want)) {
		assertSame(t, "un-injected", back, want)
	}
}

// FuzzInjectContainer reaches with few bytes what whole documents seldom do:
// command lines, mounts and versions of one's own, for each component.
func FuzzInjectContainer(f *testing.F) {
	f.Add("--leader-elect\n--enable-cert-rotation=true", "/certs", "2.21.0", uint8(0))
	f.Add("--cert-dir\n/a\n--cert-dir=/b\n--ca-dir=/custom/ca", "/custom/ca", "2.15.0", uint8(3))
	f.Add("/usr/local/bin/keda-adapter\n--tls_cert_file=/certs/tls.crt", "/certs/x", "2.10.1", uint8(4))
	f.Add("--cert-dir=$(DIR)\n--", "/", "1.0-corp", uint8(2))
	images := []string{"keda", "keda-metrics-apiserver", "keda-admission-webhooks"}
	sources := []corev1.VolumeSource{
		{Secret: &corev1.SecretVolumeSource{SecretName: "theirs"}},
		{ConfigMap: &corev1.ConfigMapVolumeSource{}},
		{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}
	state := publishedState(f)
	f.Fuzz(func(t *testing.T, args, mount, tag string, choice uint8) {
		var d appsv1.Deployment
		d.APIVersion, d.Kind, d.Name, d.Namespace = "apps/v1", "Deployment", "keda-operator", "keda"
		d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "theirs", VolumeSource: sources[int(choice/3)%len(sources)]}}
		d.Spec.Template.Spec.Containers = []corev1.Container{{
			Name: "it", Image: images[int(choice)%len(images)] + ":" + tag, Args: strings.Split(args, "\n"),
			VolumeMounts: []corev1.VolumeMount{{Name: "theirs", MountPath: mount}},
		}}
		document, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		assertInjectsAndGivesBack(t, document, state)
	})
}
