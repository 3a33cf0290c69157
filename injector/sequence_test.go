package injector

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

const operatorManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: keda-operator, namespace: keda, annotations: {mine: kept}}
spec:
  template:
    spec:
      containers:
      - name: keda-operator
        image: ghcr.io/kedacore/keda:2.21.0
        command: [/keda]
        args: [--leader-elect, --enable-cert-rotation=true]
        env: [{name: WATCH_NAMESPACE, value: ""}]
        volumeMounts: [{mountPath: /certs, name: certificates, readOnly: true}]
      volumes:
      - name: certificates
        secret: {secretName: kedaorg-certs, optional: true}
`

// operatorAsStored is the manifest as the API server encodes it.
func operatorAsStored(t testing.TB) []byte {
	t.Helper()
	return edited(t, asJSON(t, operatorManifest), func(*appsv1.Deployment) {})
}

func kedaContainer(d *appsv1.Deployment) *corev1.Container {
	i := containerIndex(d, "keda-operator")
	return &d.Spec.Template.Spec.Containers[i]
}

// restated is what an installer's write leaves of live: args, and the volume of
// the mount, are what the manifest says; elements it does not name stay.
func restated(t testing.TB, live, manifest []byte) []byte {
	t.Helper()
	wants := kedaContainer(decoded(t, manifest))
	return edited(t, live, func(d *appsv1.Deployment) {
		c := kedaContainer(d)
		c.Args, c.Image = wants.Args, wants.Image
		for _, m := range wants.VolumeMounts {
			c.VolumeMounts[mountIndex(c.VolumeMounts, m.MountPath)].Name = m.Name
		}
	})
}

func TestReapplicationIsInjectedInTheSameWrite(t *testing.T) {
	t.Parallel()
	manifest, state := operatorAsStored(t), publishedState(t)
	live := settled(t, manifest, nil, state)
	again := settled(t, restated(t, live, manifest), live, state)
	assertSame(t, "re-applied", again, live)
	assertUninjects(t, again, manifest)
}

// An upgrade, a rollback, an edit: what the user said last is given back.
func TestTheLastWordIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *appsv1.Deployment){
		"rotation off": func(d *appsv1.Deployment) { kedaContainer(d).Args[1] = "--enable-cert-rotation=false" },
		"a flag of ours": func(d *appsv1.Deployment) {
			c := kedaContainer(d)
			c.Args = append(c.Args, "--cert-dir=/certs")
		},
		"flags reordered": func(d *appsv1.Deployment) { slices.Reverse(kedaContainer(d).Args) },
		"a flag less":     func(d *appsv1.Deployment) { kedaContainer(d).Args = []string{"--leader-elect"} },
		"older image":     func(d *appsv1.Deployment) { kedaContainer(d).Image = "ghcr.io/kedacore/keda:2.16.0" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest, state := operatorAsStored(t), publishedState(t)
			live := settled(t, manifest, nil, state)
			next := edited(t, manifest, change)
			upgraded := settled(t, restated(t, live, next), live, state)
			assertUninjects(t, upgraded, next)
			back := settled(t, restated(t, upgraded, manifest), upgraded, state)
			assertSame(t, "rolled back", back, live)
			assertUninjects(t, back, manifest)
		})
	}
}

func TestAnEditOfOneFlagIsTheNewOriginal(t *testing.T) {
	t.Parallel()
	manifest, state := operatorAsStored(t), publishedState(t)
	live := settled(t, manifest, nil, state)
	by := func(t *testing.T, change func(c *corev1.Container), want func(c *corev1.Container)) {
		t.Helper()
		wrote := edited(t, live, func(d *appsv1.Deployment) { change(kedaContainer(d)) })
		out := settled(t, wrote, live, state)
		assertUninjects(t, out, edited(t, manifest, func(d *appsv1.Deployment) { want(kedaContainer(d)) }))
	}
	t.Run("a value", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.Args[1] = "--enable-cert-rotation" },
			func(c *corev1.Container) { c.Args[1] = "--enable-cert-rotation" })
	})
	t.Run("one more flag behind ours", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.Args = append(c.Args, "--zap-log-level=debug") },
			func(c *corev1.Container) { c.Args = append(c.Args, "--zap-log-level=debug") })
	})
	t.Run("ours repeated behind ours", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.Args = append(c.Args, "--cert-dir=/mine") },
			func(c *corev1.Container) { c.Args = append(c.Args, "--cert-dir=/mine") })
	})
	t.Run("the TLS version", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.Env[1].Value = "TLS12" },
			func(c *corev1.Container) {
				c.Env = append(c.Env, corev1.EnvVar{Name: envServiceMinTLS, Value: "TLS12"})
			})
	})
	t.Run("another volume at the mount", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.VolumeMounts[0].Name = "mine" },
			func(c *corev1.Container) { c.VolumeMounts[0].Name = "mine" })
	})
	t.Run("the mount dropped by its owner", func(t *testing.T) {
		t.Parallel()
		by(t, func(c *corev1.Container) { c.VolumeMounts = c.VolumeMounts[1:] },
			func(c *corev1.Container) { c.VolumeMounts = nil })
	})
}

// `rollout undo` writes the template and the annotations of a ReplicaSet.
func TestRolloutUndoIsInjectedInTheSameWrite(t *testing.T) {
	t.Parallel()
	manifest, first := operatorAsStored(t), publishedState(t)
	live := settled(t, manifest, nil, first)
	second := *first
	second.CustomCAConfigMap = PublishedCAPrefix + "abcdef0123"
	rotated := settled(t, live, live, sealed(t, second))

	undone := settled(t, live, rotated, sealed(t, second))
	assertSame(t, "undone to an injected template", undone, rotated)

	bare := edited(t, rotated, func(d *appsv1.Deployment) {
		was := decoded(t, manifest)
		d.Spec.Template, d.Annotations = was.Spec.Template, was.Annotations
	})
	assertSame(t, "undone to the template from before", settled(t, bare, rotated, sealed(t, second)), rotated)

	stripped := edited(t, live, func(d *appsv1.Deployment) { d.Annotations = nil })
	out := settled(t, stripped, rotated, sealed(t, second))
	assertUninjects(t, out, edited(t, manifest, func(d *appsv1.Deployment) { d.Annotations = nil }))
}

// A new state changes what it must where it stands, and leaves the rest.
func TestANewStateKeepsElementsInTheirPlaces(t *testing.T) {
	t.Parallel()
	manifest, first := operatorAsStored(t), publishedState(t)
	live := settled(t, manifest, nil, first)
	live = edited(t, live, func(d *appsv1.Deployment) {
		c := kedaContainer(d)
		c.Args = append(c.Args, "--after")
		c.Env = append(c.Env, corev1.EnvVar{Name: "AFTER"})
	})
	second := *first
	second.CustomCAConfigMap = PublishedCAPrefix + "abcdef0123"
	r := Inject(Request{Object: live, Mode: ModeEnabled, State: sealed(t, second)})
	for _, op := range r.Patch {
		if !strings.HasPrefix(op.Path, "/metadata") && op.Path != "/spec/template/spec/volumes/2/projected/sources/0/configMap/name" {
			t.Errorf("a new ConfigMap of CAs changes %s", op.Path)
		}
	}
	if len(r.Patch) != 3 {
		t.Errorf("the patch is %v, want the name, the record and the state's id", r.Patch)
	}
}

// What a state no longer asks for goes, with unknown fields behind it intact.
func TestWhatIsNoLongerWantedIsTakenOut(t *testing.T) {
	t.Parallel()
	manifest, first := operatorAsStored(t), publishedState(t)
	live := settled(t, manifest, nil, first)
	live = withUnknownFieldsBehind(t, live)
	second := *first
	second.CustomCAConfigMap, second.CustomCADir = "", ""
	out := settled(t, live, live, sealed(t, second))
	if n := strings.Count(string(out), `"futureField":"kept"`); n != 3 {
		t.Errorf("%d of 3 unknown fields are left in %s", n, asYAML(t, out))
	}
	if strings.Contains(asYAML(t, out), "- name: "+VolumeCustomCA) {
		t.Errorf("the custom CAs are still there:\n%s", asYAML(t, out))
	}
	if n := strings.Count(string(uninjected(t, out)), `"futureField":"kept"`); n != 3 {
		t.Errorf("%d of 3 unknown fields are left after un-injection", n)
	}
}

// withUnknownFieldsBehind appends an element with a field that our types do not
// know to every list in which we have one.
func withUnknownFieldsBehind(t *testing.T, object []byte) []byte {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(object, &d); err != nil {
		t.Fatal(err)
	}
	pod := d["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	container := pod["containers"].([]any)[0].(map[string]any)
	behind := func(in map[string]any, list string, element map[string]any) {
		element["futureField"] = "kept"
		in[list] = append(in[list].([]any), element)
	}
	behind(pod, "volumes", map[string]any{"name": "behind", "emptyDir": map[string]any{}})
	behind(container, "env", map[string]any{"name": "BEHIND"})
	behind(container, "volumeMounts", map[string]any{"name": "behind", "mountPath": "/behind"})
	out, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Another mutator before or after us neither moves nor loses anything.
func TestOtherMutators(t *testing.T) {
	t.Parallel()
	mesh := func(d *appsv1.Deployment) {
		spec := &d.Spec.Template.Spec
		spec.Containers = slices.Insert(spec.Containers, 0, corev1.Container{Name: "mesh", Image: "example.com/mesh:1"})
		spec.Volumes = slices.Insert(spec.Volumes, 0, corev1.Volume{Name: "mesh"})
		c := kedaContainer(d)
		c.Env = append(c.Env, corev1.EnvVar{Name: "MESH", Value: "on"})
		c.VolumeMounts = slices.Insert(c.VolumeMounts, 0, corev1.VolumeMount{Name: "mesh", MountPath: "/mesh"})
	}
	manifest, state := operatorAsStored(t), publishedState(t)
	meshed := edited(t, manifest, mesh)
	assertUninjects(t, settled(t, meshed, nil, state), meshed)

	live := settled(t, manifest, nil, state)
	after := settled(t, edited(t, live, mesh), live, state)
	assertUninjects(t, after, meshed)
}

// Without a state an object that was injected keeps the last good one.
func TestTheLastGoodStateStays(t *testing.T) {
	t.Parallel()
	live := settled(t, operatorAsStored(t), nil, publishedState(t))
	missing := fault(ReasonSourceMissing, "Secret keda/my-tls", "", "is not there")
	for name, findings := range map[string][]Finding{"nothing": nil, "a fault": {missing}} {
		r := Inject(Request{Object: live, OldObject: live, Mode: ModeEnabled, Findings: findings})
		if len(r.Patch) != 0 || !r.Report.Injected {
			t.Errorf("%s published: patch %v, injected %t; want nothing to change", name, r.Patch, r.Report.Injected)
		}
	}
}

func TestInsecureSkipTLSVerifyIsNeverPutBackInACluster(t *testing.T) {
	t.Parallel()
	before := asJSON(t, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec: {insecureSkipTLSVerify: true, service: {name: keda-metrics-apiserver, namespace: keda}}`)
	live := settled(t, before, nil, publishedState(t))
	out := patched(t, live, Inject(Request{Object: live, Mode: ModeDisabled}).Patch)
	if strings.Contains(string(out), "insecureSkipTLSVerify") || strings.Contains(string(out), "caBundle") {
		t.Errorf("un-injected in a cluster it is %s", out)
	}
	foreign := strings.Replace(string(live), "b3Vycw==", "a2VkYQ==", 1)
	assertSame(t, "after a foreign write", settled(t, []byte(foreign), live, publishedState(t)), withForeignOriginal(t, live))
}

// withForeignOriginal is live with the foreign caBundle as the new original.
func withForeignOriginal(t *testing.T, live []byte) []byte {
	t.Helper()
	return []byte(strings.Replace(string(live), `{\"now\"`, `{\"was\":\"a2VkYQ==\",\"now\"`, 1))
}

func TestNamespaceOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"spec":{"service":{"namespace":"a"}}}`:                                            "a",
		`{"webhooks":[{"clientConfig":{}},{"clientConfig":{"service":{"namespace":"b"}}}]}`: "b",
		`{"spec":{}}`: "",
	} {
		got, err := NamespaceOf([]byte(raw))
		if err != nil || got != want {
			t.Errorf("NamespaceOf(%s) = %q, %v; want %q", raw, got, err, want)
		}
	}
	if _, err := NamespaceOf([]byte(`[]`)); err == nil {
		t.Error("NamespaceOf of a list has no error")
	}
}
