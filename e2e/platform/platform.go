package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// Variables of the environment, which `make e2e` sets.
const (
	// Consent is set by whom journeys are started, and by nobody else: the other
	// variables may be there for another reason, and journeys delete KEDA.
	Consent = "KEDA_TRUST_E2E"
	// Image names the image of keda-trust, which the cluster can pull.
	Image = "KEDA_TRUST_IMAGE"
	// Loader is the path of e2e/cluster's command, which can make the cluster
	// hold images. With it, keda-trust's own is made of the checkout.
	Loader = "KEDA_TRUST_CLUSTER"
	// Before is the path of a checkout of another keda-trust, in a directory with
	// the name of its version. It needs Loader.
	Before = "KEDA_TRUST_BEFORE"
)

// ErrNone says that nobody has asked for a platform.
var ErrNone = errors.New("no cluster to be changed: make e2e starts one, and takes the one of KUBECONFIG where " + Image + " names keda-trust's image")

// Platform is a cluster with nodes, and the checkout that is tried on it.
type Platform struct {
	*local.API
	Pods   *kubernetes.Clientset // for logs, Events and what else has no manifest
	Config *rest.Config

	root       string   // of the checkout
	before     string   // path of the one before; empty where nobody named one
	dir        string   // what the tools write
	kubeconfig string   // path
	held       *os.File // its lock, which ends with the process
	loader     string   // path; empty where the cluster pulls all images
	image      string   // of keda-trust; empty until it is made

	releases map[keda.Release][]*unstructured.Unstructured // rendered before
	built    map[string]bool                               // by the path of the binary
	tools    map[string]string                             // path by package
}

// Connect needs the path of the checkout, a directory for what tools write, and
// which of the processes of a suite asks, from 1 on: KUBECONFIG has the path of
// one cluster for each, for what they do is not for others to see.
func Connect(root, dir string, process int) (*Platform, error) {
	p := &Platform{
		dir: dir, before: os.Getenv(Before), loader: os.Getenv(Loader), image: os.Getenv(Image),
		releases: map[keda.Release][]*unstructured.Unstructured{}, built: map[string]bool{}, tools: map[string]string{},
	}
	if os.Getenv(Consent) == "" || p.loader == "" && p.image == "" {
		return nil, ErrNone
	}
	var err error
	if p.root, err = filepath.Abs(root); err != nil {
		return nil, fmt.Errorf("finding the checkout: %w", err)
	}
	kubeconfigs := filepath.SplitList(os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if process > len(kubeconfigs) {
		return nil, fmt.Errorf("reading KUBECONFIG: it names %d clusters, and process %d of the suite wants one of its own; set it to the file of one, for ~/.kube/config is not looked at",
			len(kubeconfigs), process)
	}
	p.kubeconfig = kubeconfigs[process-1]
	if p.held, err = hold(p.kubeconfig); err != nil {
		return nil, err
	}
	if p.Config, err = clientcmd.BuildConfigFromFlags("", p.kubeconfig); err != nil {
		return nil, fmt.Errorf("reading KUBECONFIG: %w", err)
	}
	if p.API, err = local.Connect(p.Config); err != nil {
		return nil, err
	}
	if p.Pods, err = p.Clientset(); err != nil {
		return nil, err
	}
	return p, p.claim(context.Background())
}
