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
						VolumeMounts: []corev1.VolumeMount{{Name: "certificates", MountPath: "/certs"}},
					}},
					Volumes: []corev1.Volume{{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: injector.KEDACertSecret}}}},
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
	for name, body := range map[string]string{
		"replicas":                `{"spec":{"replicas":0}}`,
		"a strategy":              `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`,
		"a restart":               `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`,
		"a ServiceAccount":        `{"spec":{"template":{"spec":{"serviceAccountName":"other","serviceAccount":"other"}}}}`,
		"the node's network":      `{"spec":{"template":{"spec":{"hostNetwork":true}}}}`,
		"an image":                `{"spec":{"template":{"spec":{"containers":[{"name":"keda-operator","image":"example.com/other"}]}}}}`,
		"a privileged container":  `{"spec":{"template":{"spec":{"containers":[{"name":"keda-operator","securityContext":{"privileged":true}}]}}}}`,
		"another container":       `{"spec":{"template":{"spec":{"containers":[{"name":"other","image":"example.com/other"}]}}}}`,
		"a container before":      `{"spec":{"template":{"spec":{"initContainers":[{"name":"other","image":"example.com/other"}]}}}}`,
		"the node's disk":         `{"spec":{"template":{"spec":{"volumes":[{"name":"host","hostPath":{"path":"/"}}]}}}}`,
		"it under a name of ours": `{"spec":{"template":{"spec":{"volumes":[{"name":"keda-trust-custom-ca","hostPath":{"path":"/"}}]}}}}`,
		"a volume less":           `{"spec":{"template":{"spec":{"volumes":[{"$patch":"delete","name":"certificates"}],"containers":[{"name":"keda-operator","volumeMounts":[{"$patch":"delete","mountPath":"/certs"}]}]}}}}`,
	} {
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
	wantRefused(t, merge(`{"spec":{"caBundle":null,"insecureSkipTLSVerify":true}}`), "never asks for less verification")
}
