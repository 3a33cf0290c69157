package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// FieldManager is whom `kubectl apply --server-side` writes as.
const FieldManager = "kubectl"

// Cluster is a control plane without nodes, and how to write to it.
type Cluster struct {
	Client   dynamic.Interface // as an administrator
	Version  string            // of the API server, as v1.37.2
	Warnings Warnings

	environment  *envtest.Environment
	certificates string // the directory of the API server's own
	config       *rest.Config
	mapper       meta.RESTMapper
}

// StartCluster starts etcd and kube-apiserver.
func StartCluster() (*Cluster, error) {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		return nil, errors.New("starting the control plane: KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: make run and make test find or build them")
	}
	// A machine that compiles meanwhile takes longer than the usual 20 seconds.
	c := &Cluster{environment: &envtest.Environment{BinaryAssetsDirectory: assets, ControlPlaneStartTimeout: time.Minute, ControlPlaneStopTimeout: time.Minute}}
	var err error
	if c.certificates, err = os.MkdirTemp("", "keda-trust-apiserver-"); err != nil {
		return nil, fmt.Errorf("starting the control plane: %w", err)
	}
	// One of its own making would be gone with a stop, and all users with it.
	c.environment.ControlPlane.GetAPIServer().CertDir = c.certificates
	config, err := c.environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the control plane: %w", err), c.Stop())
	}
	if err := c.connect(config); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) connect(config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.WarningHandler = &c.Warnings
	config.QPS, config.Burst = -1, -1
	c.config = config
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if c.mapper, err = apiutil.NewDynamicRESTMapper(config, http); err != nil {
		return fmt.Errorf("discovering APIs: %w", err)
	}
	if c.Client, err = dynamic.NewForConfigAndClient(config, http); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	asked, err := discovery.NewDiscoveryClientForConfigAndClient(config, http)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	info, err := asked.ServerVersion()
	if err != nil {
		return fmt.Errorf("asking for the version: %w", err)
	}
	c.Version = info.GitVersion
	return nil
}

// Clientset connects once more as an administrator, with a connection of its own
// and without a limit of requests.
func (c *Cluster) Clientset() (*kubernetes.Clientset, error) {
	client, err := kubernetes.NewForConfig(rest.CopyConfig(c.config))
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return client, nil
}

// Stop ends both and removes what they stored.
func (c *Cluster) Stop() error {
	if err := errors.Join(c.environment.Stop(), os.RemoveAll(c.certificates)); err != nil {
		return fmt.Errorf("stopping the control plane: %w", err)
	}
	return nil
}

// StopServer ends kube-apiserver alone; what it stored stays.
func (c *Cluster) StopServer() error {
	if err := c.environment.ControlPlane.GetAPIServer().Stop(); err != nil {
		return fmt.Errorf("stopping kube-apiserver: %w", err)
	}
	return nil
}

// StartServer starts kube-apiserver again where it was, for the same users.
func (c *Cluster) StartServer() error {
	if err := c.environment.ControlPlane.GetAPIServer().Start(); err != nil {
		return fmt.Errorf("starting kube-apiserver again: %w", err)
	}
	return nil
}

// WriteKubeconfig makes a user and writes how to connect as it. Without a
// group, the user has only what RBAC gives to its name.
func (c *Cluster) WriteKubeconfig(path, name string, groups ...string) error {
	user, err := c.environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return fmt.Errorf("adding user %s: %w", name, err)
	}
	content, err := user.KubeConfig()
	if err != nil {
		return fmt.Errorf("writing a kubeconfig for %s: %w", name, err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Apply does what `kubectl apply --server-side` does and returns the object
// that the API server has stored.
func (c *Cluster) Apply(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.write(ctx, object, metav1.ApplyOptions{FieldManager: FieldManager})
}

// ApplyNamespace makes a Namespace, or gives one that is there its labels and
// annotations.
func (c *Cluster) ApplyNamespace(ctx context.Context, name string, labels, annotations map[string]string) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(name)
	namespace.SetLabels(labels)
	namespace.SetAnnotations(annotations)
	_, err := c.Apply(ctx, namespace)
	return err
}

// Preview returns what Apply would.
func (c *Cluster) Preview(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return c.write(ctx, object, metav1.ApplyOptions{FieldManager: FieldManager, DryRun: []string{metav1.DryRunAll}})
}

func (c *Cluster) write(ctx context.Context, object *unstructured.Unstructured, options metav1.ApplyOptions) (*unstructured.Unstructured, error) {
	resource, err := c.Resource(object)
	if err != nil {
		return nil, err
	}
	stored, err := resource.Apply(ctx, object.GetName(), object, options)
	if err != nil {
		return nil, fmt.Errorf("applying %s: %w", Title(object), err)
	}
	return stored, nil
}

// Resource is where objects like the given one are read and written, in its
// namespace if it has one.
func (c *Cluster) Resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("applying %s: %w", Title(object), err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.Client.Resource(mapping.Resource), nil
	}
	return c.Client.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}

// Title names an object as people do.
func Title(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

// ReadManifest reads all documents of a YAML file.
func ReadManifest(path string) ([]*unstructured.Unstructured, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", path, err)
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
