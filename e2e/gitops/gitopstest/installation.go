package gitopstest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

const (
	namespace = injector.DefaultKEDANamespace
	secret    = "keda-tls"
	roots     = "corp-roots"
)

// Installation is a cluster with keda-trust, and what Git has for it.
type Installation struct {
	// Config is an administrator's, without a limit of requests.
	Config *rest.Config

	cluster *local.Cluster
	server  *local.Server
	git     []*unstructured.Unstructured
}

// Start brings up all but KEDA. The root is that of the checkout, as a path.
func Start(ctx context.Context, tb testing.TB, root string) *Installation {
	tb.Helper()
	dir := tb.TempDir()
	binary := filepath.Join(dir, injector.Name)
	said, err := exec.CommandContext(ctx, "go", "build", "-C", root, "-o", binary, "./cmd/keda-trust").CombinedOutput()
	if err != nil {
		tb.Fatalf("building keda-trust: %v\n%s", err, said)
	}
	i := &Installation{}
	if i.cluster, err = local.StartCluster(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { must(tb, i.cluster.Stop()) })
	i.connect(tb, dir)
	i.prepare(ctx, tb)
	i.serve(ctx, tb, root, binary, dir)
	return i
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (i *Installation) connect(tb testing.TB, dir string) {
	tb.Helper()
	path := filepath.Join(dir, "administrator")
	must(tb, i.cluster.WriteKubeconfig(path, "administrator", "system:masters"))
	config, err := clientcmd.BuildConfigFromFlags("", path)
	must(tb, err)
	config.QPS, config.Burst = 1000, 1000
	config.WarningHandler = rest.NoWarnings{}
	i.Config = config
}

// prepare makes what the platform team's annotations name, and what Git says.
func (i *Installation) prepare(ctx context.Context, tb testing.TB) {
	tb.Helper()
	must(tb, i.cluster.ApplyNamespace(ctx, namespace, nil, nil))
	ca := certtest.NewCA(tb, "Example Internal CA", valid)
	leaf := ca.Leaf(tb, certtest.KEDANames(namespace), valid)
	i.apply(ctx, tb, "Secret", secret, map[string]any{
		"type":       "kubernetes.io/tls",
		"stringData": map[string]any{"tls.crt": string(leaf.CertPEM), "tls.key": string(leaf.KeyPEM), "ca.crt": string(ca.CertPEM)},
	})
	i.TrustAnotherRoot(ctx, tb, "Example Corporate Root")
	release, err := local.KEDARelease(ctx)
	must(tb, err)
	for _, object := range release {
		switch object.GetKind() {
		case "CustomResourceDefinition":
			continue
		case "Namespace":
			object.SetLabels(with(object.GetLabels(), map[string]string{injector.LabelInject: string(injector.ModeEnabled)}))
			object.SetAnnotations(with(object.GetAnnotations(), map[string]string{
				injector.AnnotationCertificate: "secret/" + secret, injector.AnnotationCustomCA: "configmap/" + roots,
			}))
		}
		i.git = append(i.git, object)
	}
}

// valid holds around the wall clock, by which the real keda-trust judges.
func valid(template *x509.Certificate) {
	certtest.Between(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))(template)
}

func with(base, more map[string]string) map[string]string {
	all := maps.Clone(base)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}

// TrustAnotherRoot puts a new CA of that name where the Namespace's annotation
// says that the custom CAs are, as a platform team does.
func (i *Installation) TrustAnotherRoot(ctx context.Context, tb testing.TB, name string) {
	tb.Helper()
	i.apply(ctx, tb, "ConfigMap", roots, map[string]any{
		"data": map[string]any{"ca.crt": string(certtest.NewCA(tb, name, valid).CertPEM)},
	})
}

func (i *Installation) apply(ctx context.Context, tb testing.TB, kind, name string, content map[string]any) {
	tb.Helper()
	object := &unstructured.Unstructured{Object: content}
	object.SetAPIVersion("v1")
	object.SetKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	_, err := i.cluster.Apply(ctx, object)
	must(tb, err)
}

// serve installs keda-trust from its own manifest and starts it.
func (i *Installation) serve(ctx context.Context, tb testing.TB, root, binary, dir string) {
	tb.Helper()
	port, err := local.FreePort()
	must(tb, err)
	_, err = i.cluster.Install(ctx, filepath.Join(root, local.Manifest), port)
	must(tb, err)
	account := filepath.Join(dir, "account")
	must(tb, i.cluster.WriteAccount(account))
	i.server, err = local.StartServer(ctx, local.ServerOptions{
		Binary: binary, Kubeconfig: account, Log: filepath.Join(dir, "keda-trust.log"), WebhookPort: port,
	})
	must(tb, err)
	tb.Cleanup(func() { must(tb, i.server.Stop()) })
}

// Git is what is to be, for a tool to change as it likes.
func (i *Installation) Git() []*unstructured.Unstructured {
	var copied []*unstructured.Unstructured
	for _, object := range i.git {
		copied = append(copied, object.DeepCopy())
	}
	return copied
}

// Stored is an object as the API server has it, nil if there is none.
func (i *Installation) Stored(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := i.cluster.Resource(object)
	if err != nil {
		return nil, err
	}
	stored, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return stored, err
}

// Remove takes away what Git says, for the next journey: the Namespace is left,
// without a trace of who has written it.
func (i *Installation) Remove(ctx context.Context, tb testing.TB) {
	tb.Helper()
	for _, object := range i.git {
		resource, err := i.cluster.Resource(object)
		must(tb, err)
		if object.GetKind() != "Namespace" {
			background := metav1.DeletePropagationBackground
			if err := resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background}); !apierrors.IsNotFound(err) {
				must(tb, err)
			}
			continue
		}
		patch, err := json.Marshal([]map[string]any{
			{"op": "replace", "path": "/metadata/labels", "value": map[string]string{}},
			{"op": "add", "path": "/metadata/annotations", "value": map[string]string{}},
			{"op": "replace", "path": "/metadata/managedFields", "value": []any{map[string]any{}}},
		})
		must(tb, err)
		_, err = resource.Patch(ctx, object.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{})
		must(tb, err)
	}
}

// LastWords is the end of keda-trust's log.
func (i *Installation) LastWords() string { return i.server.LastWords() }
