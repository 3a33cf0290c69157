package installers

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// trust is keda-trust, as it is installed in the cluster.
type trust struct {
	binary, log, kubeconfig string
	port                    int
	objects                 []*unstructured.Unstructured
	server                  *local.Server
}

func (k *trust) install(ctx context.Context) {
	GinkgoHelper()
	var err error
	k.port, err = local.FreePort()
	Expect(err).NotTo(HaveOccurred())
	k.objects, err = cluster.Install(ctx, "../../"+local.Manifest, k.port)
	Expect(err).NotTo(HaveOccurred())
	Expect(cluster.WriteAccount(k.kubeconfig)).To(Succeed())
}

func (k *trust) start(ctx context.Context) {
	GinkgoHelper()
	var err error
	k.server, err = local.StartServer(ctx, local.ServerOptions{Binary: k.binary, Kubeconfig: k.kubeconfig, Log: k.log, WebhookPort: k.port})
	Expect(err).NotTo(HaveOccurred())
}

func (k *trust) stop() {
	GinkgoHelper()
	if k.server != nil {
		Expect(k.server.Stop()).To(Succeed())
	}
	k.server = nil
}

// uninstall deletes what was installed, but for the Namespace, which nothing
// here could empty.
func (k *trust) uninstall(ctx context.Context) {
	GinkgoHelper()
	k.stop()
	for _, object := range slices.Backward(k.objects) {
		if object.GetKind() != "Namespace" {
			remove(ctx, object)
		}
	}
}

func remove(ctx context.Context, object *unstructured.Unstructured) {
	GinkgoHelper()
	resource, err := cluster.Resource(object)
	Expect(err).NotTo(HaveOccurred())
	// No controller runs that would finish a deletion in the foreground.
	background := metav1.DeletePropagationBackground
	err = resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
	if !apierrors.IsNotFound(err) {
		Expect(err).NotTo(HaveOccurred(), local.Title(object))
	}
}

// enable is what a platform team writes on the Namespace, and returns when
// admission carries it out.
func enable(ctx context.Context) {
	GinkgoHelper()
	annotate(ctx, map[string]any{injector.LabelInject: string(injector.ModeEnabled)}, map[string]any{
		injector.AnnotationCertificate: "secret/keda-tls",
		injector.AnnotationCustomCA:    "configmap/corp-roots",
		injector.AnnotationRollout:     "manual",
	})
	Eventually(stateOfNewOperator).WithContext(ctx).WithTimeout(patience).WithPolling(50*time.Millisecond).
		Should(Equal(injector.StateInjected), "keda-trust says:\n%s", words{})
}

// disable asks for what was injected to be taken out again.
func disable(ctx context.Context) {
	GinkgoHelper()
	annotate(ctx, map[string]any{injector.LabelInject: string(injector.ModeDisabled)}, map[string]any{})
	Eventually(stateOfNewOperator).WithContext(ctx).WithTimeout(patience).WithPolling(50 * time.Millisecond).Should(BeEmpty())
}

// release hands the Namespace back, as it was before anybody opted in.
func release(ctx context.Context) {
	GinkgoHelper()
	annotate(ctx, map[string]any{injector.LabelInject: nil}, map[string]any{
		injector.AnnotationCertificate: nil, injector.AnnotationCustomCA: nil, injector.AnnotationRollout: nil,
	})
}

func annotate(ctx context.Context, labels, annotations map[string]any) {
	GinkgoHelper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels, "annotations": annotations}})
	Expect(err).NotTo(HaveOccurred())
	_, err = cluster.Client.Resource(namespaces).Patch(ctx, injector.DefaultKEDANamespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-label"})
	Expect(err).NotTo(HaveOccurred())
}

// stateOfNewOperator is how a create of KEDA's operator would come out now.
func stateOfNewOperator(ctx context.Context) (string, error) {
	operator := objectsOf(newer)["Deployment keda-operator"].DeepCopy()
	operator.SetName("keda-operator-preview")
	created, err := cluster.Client.Resource(deployments).Namespace(injector.DefaultKEDANamespace).
		Create(ctx, operator, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return "", err
	}
	return created.GetLabels()[injector.LabelState], nil
}

// words are the end of keda-trust's log, read when a failure is printed.
type words struct{}

func (words) String() string {
	if product.server == nil {
		return "(it is not running)"
	}
	return product.server.LastWords()
}
