package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/injector"
)

// claimed is the Namespace that says that a cluster is for journeys, also for ones that
// were interrupted.
const claimed = "keda-trust-journeys"

// Shop is the Namespace of a team that journeys make, and delete.
const Shop = "shop"

// hold keeps others who have the same kubeconfig from the cluster, for as long as
// this process lives: they would delete each other's KEDA.
func hold(kubeconfig string) (*os.File, error) {
	file, err := os.Open(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading KUBECONFIG: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("other journeys are on the cluster of " + kubeconfig + "; wait until they have ended")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// claim refuses a cluster with something that somebody may need and journeys delete:
// with KEDA's CustomResourceDefinitions, every ScaledObject of the cluster. One of make
// cluster is for journeys.
func (p *Platform) claim(ctx context.Context) error {
	ours, err := p.exists(ctx, namespaces, claimed)
	if err != nil || ours {
		return err
	}
	if p.loader == "" {
		if err := p.refuseWhatIsThere(ctx); err != nil {
			return err
		}
	}
	return p.ApplyNamespace(ctx, claimed, nil, nil)
}

var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

func (p *Platform) refuseWhatIsThere(ctx context.Context) error {
	for _, deleted := range []struct {
		resource schema.GroupVersionResource
		name     string
	}{
		{definitions, "scaledobjects.keda.sh"},
		{namespaces, injector.DefaultKEDANamespace}, {namespaces, injector.Name}, {namespaces, Shop},
	} {
		there, err := p.exists(ctx, deleted.resource, deleted.name)
		if err != nil {
			return err
		}
		if there {
			return fmt.Errorf("journeys would delete %s/%s, which is on %s: take another cluster, or create the Namespace %s there to let them",
				deleted.resource.Resource, deleted.name, p.Config.Host, claimed)
		}
	}
	return nil
}

func (p *Platform) exists(ctx context.Context, resource schema.GroupVersionResource, name string) (bool, error) {
	_, err := p.Client.Resource(resource).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s %s: %w", resource.Resource, name, err)
	}
	return true, nil
}
