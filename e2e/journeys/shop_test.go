package journeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
)

const (
	// shop is the Namespace of a team whose Deployment of the same name KEDA scales.
	shop = platform.Shop
	// prometheus is a Deployment in it, and its Service.
	prometheus  = "prometheus"
	plainServer = "http://prometheus.shop.svc:9090"
	firstMetric = "s0-prometheus" // of the first trigger, and so on
)

var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// The suite reports what is KEDA's and keda-trust's. As there, the report has a
// bound of its own.
var _ = JustAfterEach(func() {
	if !CurrentSpecReport().Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	on.ReportNamespace(ctx, GinkgoWriter, shop)
})

func asUnstructured(content map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: content}
}

// trigger asks a server a Prometheus query.
func trigger(server, query string) map[string]any {
	return map[string]any{
		"type":     "prometheus",
		"metadata": map[string]any{"serverAddress": server, "query": query, "threshold": "1"},
	}
}

// scaledObject scales a Deployment of the shop's Namespace.
func scaledObject(name, target string, triggers ...any) *unstructured.Unstructured {
	return asUnstructured(map[string]any{
		"apiVersion": "keda.sh/v1alpha1",
		"kind":       "ScaledObject",
		"metadata":   map[string]any{"name": name, "namespace": shop},
		"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"name": target},
			"pollingInterval": int64(5),
			"minReplicaCount": int64(1),
			"maxReplicaCount": int64(4),
			"triggers":        triggers,
		},
	})
}

// refusal is of what every KEDA refuses: before 2.20 it admits counts of replicas
// that do not fit.
const refusal = `admission webhook "vscaledobject.kb.io" denied the request: triggerName "twice" is defined multiple times`

// tryBadScaledObject asks, without anything being stored, for a ScaledObject that
// only KEDA's validating webhook refuses. That fails open: nil says that the API
// server did not trust it, or did not reach it.
func tryBadScaledObject(ctx context.Context) error {
	twice := trigger(plainServer, "vector(1)")
	twice["name"] = "twice"
	// Two that scale the same are refused for that, so this one scales nothing.
	bad := scaledObject("bad", "nobody", twice, maps.Clone(twice))
	_, err := on.Client.Resource(scaledObjects).Namespace(shop).
		Create(ctx, bad, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: local.FieldManager})
	return err
}

// openShop starts the Deployment that is scaled, and returns the image of it and
// of Prometheus.
func openShop(ctx context.Context) (image string) {
	GinkgoHelper()
	image = load(ctx, "./journeys/prometheus")
	Expect(on.ApplyNamespace(ctx, shop, nil, nil)).To(Succeed())
	run(ctx, shop, image, "")
	return image
}

// load makes an image of a program of e2e, where the cluster takes any.
func load(ctx context.Context, program string) (image string) {
	GinkgoHelper()
	image, err := on.Load(ctx, filepath.Join(root, "e2e"), program)
	if errors.Is(err, platform.ErrNoLoader) {
		Skip(err.Error())
	}
	Expect(err).NotTo(HaveOccurred())
	return image
}

// run starts a Deployment and its Service, or gives it another certificate. It
// serves TLS where a Secret with one is named.
func run(ctx context.Context, name, image, certificate string) {
	GinkgoHelper()
	labels := map[string]string{"app": name}
	container := corev1.Container{Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent}
	pod := corev1.PodSpec{TerminationGracePeriodSeconds: new(int64)}
	if certificate != "" {
		container.Args = []string{"--certificate=/certificate"}
		container.VolumeMounts = []corev1.VolumeMount{{Name: "certificate", MountPath: "/certificate"}}
		pod.Volumes = []corev1.Volume{{Name: "certificate", VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: certificate},
		}}}
	}
	pod.Containers = []corev1.Container{container}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}}
	deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	deployment.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod}
	put(ctx, "apps/v1", "Deployment", shop, deployment)
	put(ctx, "v1", "Service", shop, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 9090}}},
	})
	Expect(on.AwaitRollout(ctx, shop, name)).To(Succeed())
}

// scaleShop has KEDA scale the shop to what the servers answer.
func scaleShop(ctx context.Context, query string, servers ...string) {
	GinkgoHelper()
	var triggers []any
	for _, server := range servers {
		triggers = append(triggers, trigger(server, query))
	}
	_, err := on.Apply(ctx, scaledObject(shop, shop, triggers...))
	Expect(err).NotTo(HaveOccurred())
}

// shopPods are how many there are that can sell.
func shopPods(ctx context.Context) (int32, error) {
	deployment, err := on.Pods.AppsV1().Deployments(shop).Get(ctx, shop, metav1.GetOptions{})
	if err != nil {
		return 0, fmt.Errorf("reading the shop: %w", err)
	}
	return deployment.Status.AvailableReplicas, nil
}

// readMetric reads, as an HPA does, what the shop is scaled by.
func readMetric(ctx context.Context, name string) (string, error) {
	content, err := on.Pods.CoreV1().RESTClient().Get().
		AbsPath("/apis/external.metrics.k8s.io/v1beta1/namespaces", shop, name).
		Param("labelSelector", "scaledobject.keda.sh/name="+shop).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the external metric: %w: %s", err, content)
	}
	var list struct {
		Items []struct{ Value string }
	}
	if err := json.Unmarshal(content, &list); err != nil {
		return "", fmt.Errorf("reading the external metric: %w", err)
	}
	if len(list.Items) != 1 {
		return "", fmt.Errorf("reading the external metric: got %s", content)
	}
	return list.Items[0].Value, nil
}
