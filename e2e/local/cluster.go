package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Cluster is a control plane without nodes, and how to write to it.
type Cluster struct {
	*API // as an administrator

	environment  *envtest.Environment
	certificates string // the directory of the API server's own
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
	if c.API, err = Connect(config); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
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
	objects, err := DecodeManifest(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return objects, nil
}

// DecodeManifest reads all documents of a stream of YAML.
func DecodeManifest(manifest io.Reader) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(manifest, 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
