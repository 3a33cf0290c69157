package journeys

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	kedaNamespace = injector.DefaultKEDANamespace
	provided      = "platform-keda-tls" // the Secret of who brings a certificate
)

// putCertificate issues KEDA's certificate anew and puts it where it is brought.
func putCertificate(ctx context.Context, ca string) *certificates.Pair {
	GinkgoHelper()
	pair, err := certificates.Issue(ca, local.KEDAHosts())
	Expect(err).NotTo(HaveOccurred())
	putSecret(ctx, kedaNamespace, provided, map[string][]byte{
		corev1.TLSCertKey: pair.Certificate, corev1.TLSPrivateKeyKey: pair.Key, "ca.crt": pair.CA,
	})
	return pair
}

func putSecret(ctx context.Context, namespace, name string, data map[string][]byte) {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	put(ctx, "v1", "Secret", namespace, secret)
}

// put applies an object as a person would, with server-side apply.
func put(ctx context.Context, version, kind, namespace string, object metav1.Object) {
	GinkgoHelper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	delete(content, "status")
	applied := asUnstructured(content)
	applied.SetAPIVersion(version)
	applied.SetKind(kind)
	applied.SetNamespace(namespace)
	_, err = on.Apply(ctx, applied)
	Expect(err).NotTo(HaveOccurred())
}

// enable opts KEDA's namespace in, with annotations by key, as a person types it:
// what owns the label is not what applies KEDA's release, Namespace and all.
func enable(ctx context.Context, annotations map[string]string) {
	GinkgoHelper()
	annotate := []string{"annotate", "namespace", kedaNamespace}
	for key, value := range annotations {
		annotate = append(annotate, key+"="+value)
	}
	_, err := on.Kubectl(ctx, annotate...)
	Expect(err).NotTo(HaveOccurred())
	label(ctx, injector.ModeEnabled)
}

func label(ctx context.Context, mode injector.Mode) {
	GinkgoHelper()
	_, err := on.Kubectl(ctx, "label", "namespace", kedaNamespace, "--overwrite", injector.LabelInject+"="+string(mode))
	Expect(err).NotTo(HaveOccurred())
}

// bringCertificate is the shortest way to a KEDA that uses a provided certificate:
// its release, unchanged, in a namespace that is enabled before.
func bringCertificate(ctx context.Context) *certificates.Pair {
	GinkgoHelper()
	return bringCertificateTo(ctx, func() error { return on.InstallTrust(ctx) })
}

// bringCertificateTo is the same with the keda-trust that is installed. KEDA's
// Namespace comes first, as keda-trust's chart wants it.
func bringCertificateTo(ctx context.Context, installTrust func() error) *certificates.Pair {
	GinkgoHelper()
	Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
	pair := putCertificate(ctx, "Platform")
	Expect(installTrust()).To(Succeed())
	enable(ctx, map[string]string{injector.AnnotationCertificate: "secret/" + provided})
	Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
	Expect(on.AwaitInjected(ctx)).To(Succeed())
	Expect(on.AwaitKEDA(ctx)).To(Succeed())
	return pair
}

// trustHolds waits for the operator, which is Ready before it leads and listens
// for the metrics-apiserver.
func trustHolds(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() error {
		_, err := on.Trust(ctx, "check", "-n", kedaNamespace)
		return err
	}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(Succeed())
}

// trustMovesTo waits until a CA alone is trusted: one that was trusted before is left
// in stages, each as long as the kubelet takes to show pods what is published.
func trustMovesTo(ctx context.Context, ca []byte) {
	GinkgoHelper()
	Eventually(func(ctx context.Context) []byte { return externalMetrics(ctx).Spec.CABundle }).
		WithContext(ctx).WithTimeout(10 * time.Minute).WithPolling(time.Second).Should(Equal(ca))
	trustHolds(ctx)
}

// podsIn are those of a namespace that do not end.
func podsIn(ctx context.Context, namespace string) []corev1.Pod {
	GinkgoHelper()
	list, err := on.Pods.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	Expect(err).NotTo(HaveOccurred())
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

// externalMetrics is KEDA's APIService as it stands.
func externalMetrics(ctx context.Context) apiregistrationv1.APIService {
	GinkgoHelper()
	read, err := on.Client.Resource(schema.GroupVersionResource{Group: apiregistrationv1.GroupName, Version: "v1", Resource: "apiservices"}).
		Get(ctx, injector.KEDAAPIService, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	var service apiregistrationv1.APIService
	Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(read.Object, &service)).To(Succeed())
	return service
}

func deploymentOf(ctx context.Context, name string) (*appsv1.Deployment, error) {
	return on.Pods.AppsV1().Deployments(kedaNamespace).Get(ctx, name, metav1.GetOptions{})
}

// nothingCrashed is whether no container of KEDA's has ended and been started again.
func nothingCrashed(ctx context.Context) {
	GinkgoHelper()
	Expect(podsIn(ctx, kedaNamespace)).To(HaveEach(HaveField("Status.ContainerStatuses", HaveEach(HaveField("RestartCount", BeZero())))))
}

// mountsOurs is whether KEDA's container of a Deployment mounts keda-trust's volume
// where certificates are. The mount's name is the release's to say: who applies that
// and is not injected has it back, while the volume stays, which nobody else has.
func mountsOurs() OmegaMatcher {
	return WithTransform(func(d *appsv1.Deployment) []corev1.VolumeMount {
		return d.Spec.Template.Spec.Containers[0].VolumeMounts
	}, ContainElement(And(HaveField("MountPath", injector.DefaultCertDir), HaveField("Name", injector.VolumeCertificates))))
}

// hasNothingOfOurs is whether injection has left no volume in a Deployment's pods.
func hasNothingOfOurs() OmegaMatcher {
	return HaveField("Spec.Template.Spec.Volumes", Not(ContainElement(HaveField("Name", HavePrefix(injector.Name)))))
}

// podsOf are the UIDs of KEDA's pods that do not end, by Deployment.
func podsOf(ctx context.Context) map[string][]types.UID {
	GinkgoHelper()
	pods := map[string][]types.UID{}
	for _, pod := range podsIn(ctx, kedaNamespace) {
		for _, name := range platform.KEDADeployments {
			if strings.HasPrefix(pod.Name, name+"-") {
				pods[name] = append(pods[name], pod.UID)
			}
		}
	}
	return pods
}

// everything is what a user would see move: the specs of KEDA's Deployments, by
// their generation, and the caBundle.
func everything(ctx context.Context) map[string]string {
	GinkgoHelper()
	seen := map[string]string{"caBundle": string(externalMetrics(ctx).Spec.CABundle)}
	for _, name := range platform.KEDADeployments {
		d, err := deploymentOf(ctx, name)
		Expect(err).NotTo(HaveOccurred())
		seen[name] = fmt.Sprintf("generation %d", d.Generation)
	}
	return seen
}

// warnings are the notes of Events of type Warning in a namespace.
func warnings(ctx context.Context, namespace string) ([]string, error) {
	list, err := on.Pods.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return nil, fmt.Errorf("listing Events: %w", err)
	}
	var notes []string
	for _, event := range list.Items {
		notes = append(notes, event.Reason+": "+event.Message)
	}
	return notes, nil
}

// annotate sets one annotation of KEDA's Namespace.
func annotate(ctx context.Context, key, value string) {
	GinkgoHelper()
	_, err := on.Kubectl(ctx, "annotate", "namespace", kedaNamespace, "--overwrite", key+"="+value)
	Expect(err).NotTo(HaveOccurred())
}

// restart does what `kubectl rollout restart` does, and waits.
func restart(ctx context.Context, namespace, name string) {
	GinkgoHelper()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{"kubectl.kubernetes.io/restartedAt": time.Now().Format(time.RFC3339Nano)},
	}}}})
	Expect(err).NotTo(HaveOccurred())
	_, err = on.Pods.AppsV1().Deployments(namespace).Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(on.AwaitRollout(ctx, namespace, name)).To(Succeed())
}
