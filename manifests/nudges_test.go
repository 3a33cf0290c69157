package manifests_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

func operatorOf(namespace string) *appsv1.Deployment {
	labels := map[string]string{"app": "keda-operator"}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "keda-operator", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "keda-operator", Image: "ghcr.io/kedacore/keda:2.21.0", Command: []string{"/keda"}, Args: []string{"--enable-cert-rotation=true"},
						VolumeMounts: []corev1.VolumeMount{{Name: "certificates", MountPath: "/certs"}, {Name: "roots", MountPath: injector.DefaultCustomCADir}},
					}},
					InitContainers: []corev1.Container{{Name: "wait", Image: "example.com/wait", Command: []string{"/wait"}}},
					Volumes: []corev1.Volume{
						{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: injector.KEDACertSecret}}},
						{Name: "roots", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
							{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "roots"}}},
							{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}}}},
						}}}},
					},
				},
			},
		},
	}
}

// injection is what admission makes of the object for a state with everything.
func injection(t *testing.T, object client.Object, mode injector.Mode) client.Patch {
	t.Helper()
	state := &injector.State{
		CertificateSecret: injector.PublishedSecret, CABundle: []byte("corp"),
		CustomCAConfigMap: injector.PublishedCAPrefix + "1", CustomCADir: injector.DefaultCustomCADir,
	}
	if err := state.Seal(); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	result := injector.Inject(injector.Request{Object: raw, OldObject: raw, Mode: mode, State: state})
	if len(result.Patch) == 0 {
		t.Fatalf("nothing is injected: %+v", result.Report)
	}
	patch, err := json.Marshal(result.Patch)
	if err != nil {
		t.Fatal(err)
	}
	return client.RawPatch(types.JSONPatchType, patch)
}

// becomesRefused waits for the API server to apply the policy, which it reads a
// moment after it was created.
func becomesRefused(t *testing.T, write func() error) {
	t.Helper()
	refused := func(context.Context) (bool, error) {
		err := write()
		return apierrors.IsInvalid(err), ignoreInvalid(err)
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, refused); err != nil {
		t.Fatalf("waiting for the policy on nudges: %v", err)
	}
}

// refusedWrites are strategic merges of operatorOf by what they change.
func refusedWrites() map[string]string {
	pod := func(spec string) string { return `{"spec":{"template":{"spec":` + spec + `}}}` }
	container := func(fields string) string { return pod(`{"containers":[{"name":"keda-operator",` + fields + `}]}`) }
	initial := func(fields string) string { return pod(`{"initContainers":[{"name":"wait",` + fields + `}]}`) }
	shown := func(source string) string {
		return pod(`{"volumes":[{"name":"keda-trust-custom-ca","projected":{"sources":[{"configMap":{"name":"keda-trust-ca-1"}},` + source + `]}}]}`)
	}
	const probe = `{"exec":{"command":["/other"]}}`
	return map[string]string{
		"replicas":                    `{"spec":{"replicas":0}}`,
		"a strategy":                  `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`,
		"how long it may take":        `{"spec":{"progressDeadlineSeconds":100000}}`,
		"how many can be undone":      `{"spec":{"revisionHistoryLimit":0}}`,
		"a restart":                   `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`,
		"a ServiceAccount":            pod(`{"serviceAccountName":"other","serviceAccount":"other"}`),
		"the node's network":          pod(`{"hostNetwork":true}`),
		"one view of all processes":   pod(`{"shareProcessNamespace":true}`),
		"another registry's secret":   pod(`{"imagePullSecrets":[{"name":"other"}]}`),
		"the node":                    pod(`{"nodeName":"other"}`),
		"names":                       pod(`{"hostAliases":[{"ip":"192.0.2.1","hostnames":["kubernetes.default.svc"]}]}`),
		"a name server":               pod(`{"dnsPolicy":"None","dnsConfig":{"nameservers":["192.0.2.1"]}}`),
		"a runtime":                   pod(`{"runtimeClassName":"other"}`),
		"an image":                    container(`"image":"example.com/other"`),
		"a program":                   container(`"command":["/other"]`),
		"a privileged container":      container(`"securityContext":{"privileged":true}`),
		"what runs after the start":   container(`"lifecycle":{"postStart":` + probe + `}`),
		"a liveness probe":            container(`"livenessProbe":` + probe),
		"a readiness probe":           container(`"readinessProbe":` + probe),
		"a startup probe":             container(`"startupProbe":` + probe),
		"variables of a Secret":       container(`"envFrom":[{"secretRef":{"name":"other"}}]`),
		"a directory to start in":     container(`"workingDir":"/tmp"`),
		"another container":           pod(`{"containers":[{"name":"other","image":"example.com/other"}]}`),
		"a container before":          pod(`{"initContainers":[{"name":"other","image":"example.com/wait"}]}`),
		"what runs before":            initial(`"command":["/other"]`),
		"how it runs before":          initial(`"args":["--other"]`),
		"the node's disk":             pod(`{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}`),
		"it under a name of ours":     pod(`{"volumes":[{"name":"keda-trust-custom-ca","hostPath":{"path":"/"}}]}`),
		"a Secret where CAs belong":   pod(`{"volumes":[{"name":"keda-trust-custom-ca","secret":{"secretName":"other"}}]}`),
		"a token beside the CAs":      shown(`{"serviceAccountToken":{"path":"token"}}`),
		"a Secret beside the CAs":     shown(`{"secret":{"name":"other"}}`),
		"a ConfigMap beside the CAs":  shown(`{"configMap":{"name":"other"}}`),
		"CAs where a Secret belongs":  pod(`{"volumes":[{"name":"keda-trust-certificates","projected":{"sources":[{"configMap":{"name":"keda-trust-ca-1"}}]}}]}`),
		"a volume less":               pod(`{"volumes":[{"$patch":"delete","name":"certificates"}],"containers":[{"name":"keda-operator","volumeMounts":[{"$patch":"delete","mountPath":"/certs"}]}]}`),
		"a volume of theirs, changed": pod(`{"volumes":[{"name":"certificates","secret":{"secretName":"other"}}]}`),
	}
}

func TestADeploymentIsHeldToWhatAdmissionMakesOfANudge(t *testing.T) {
	needCluster(t)
	c, err := asKedaTrust()
	if err != nil {
		t.Fatal(err)
	}
	operator := operatorOf(keda)
	if err := admin.Create(t.Context(), operator); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, operator)
	merge := func(body string) error {
		return c.Patch(t.Context(), operatorOf(keda), client.RawPatch(types.StrategicMergePatchType, []byte(body)), client.DryRunAll)
	}
	becomesRefused(t, func() error { return merge(`{"spec":{"replicas":0}}`) })
	if err := merge(`{"metadata":{"annotations":{"` + injector.AnnotationNudge + `":"2026-11-01T00:00:00Z"}}}`); err != nil {
		t.Errorf("a nudge is refused: %v", err)
	}
	for name, body := range refusedWrites() {
		t.Run(name, func(t *testing.T) { wantRefused(t, merge(body), "keda-trust ") })
	}
	t.Run("an injection, and its inverse", func(t *testing.T) {
		for _, mode := range []injector.Mode{injector.ModeEnabled, injector.ModeDisabled} {
			operator.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
			if err := c.Patch(t.Context(), operator, injection(t, operator, mode)); err != nil {
				t.Errorf("what admission makes of a nudge is refused: %v", err)
			}
		}
	})
}

func TestTheAPIServiceIsHeldToItsCABundle(t *testing.T) {
	needCluster(t)
	if err := apiregistrationv1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	c, err := asKedaTrust()
	if err != nil {
		t.Fatal(err)
	}
	api := &apiregistrationv1.APIService{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
		ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAAPIService},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: "external.metrics.k8s.io", Version: "v1beta1", GroupPriorityMinimum: 100, VersionPriority: 100, InsecureSkipTLSVerify: true,
			Service: &apiregistrationv1.ServiceReference{Namespace: keda, Name: "keda-metrics-apiserver"},
		},
	}
	if err := admin.Create(t.Context(), api); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, api)
	api.SetGroupVersionKind(apiregistrationv1.SchemeGroupVersion.WithKind("APIService"))
	merge := func(body string) error {
		return c.Patch(t.Context(), api.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
	}
	becomesRefused(t, func() error { return merge(`{"spec":{"service":{"name":"other"}}}`) })
	if err := merge(`{"metadata":{"annotations":{"` + injector.AnnotationNudge + `":"2026-11-01T00:00:00Z"}}}`); err != nil {
		t.Errorf("a nudge is refused, though no more is asked for than before: %v", err)
	}
	if err := c.Patch(t.Context(), api, injection(t, api, injector.ModeEnabled)); err != nil {
		t.Errorf("what admission makes of a nudge is refused: %v", err)
	}
	wantRefused(t, merge(`{"spec":{"service":{"name":"other"}}}`), "nothing of an APIService but its caBundle")
	wantRefused(t, merge(`{"spec":{"groupPriorityMinimum":1}}`), "nothing of an APIService but its caBundle")
	wantRefused(t, merge(`{"spec":{"caBundle":null,"insecureSkipTLSVerify":true}}`), "never asks for less verification")
}
