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
)

// claimed is the Namespace that says that the KEDA of a cluster is of journeys, also
// of ones that were interrupted.
const claimed = "keda-trust-journeys"

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

// claim refuses a cluster with a KEDA that somebody may need: deleting its
// CustomResourceDefinitions would delete every ScaledObject of the cluster. Made by
// make cluster, a cluster is for journeys.
func (p *Platform) claim(ctx context.Context) error {
	namespaces := p.Pods.CoreV1().Namespaces()
	_, err := namespaces.Get(ctx, claimed, metav1.GetOptions{})
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading Namespace %s: %w", claimed, err)
	}
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	_, err = p.Client.Resource(definitions).Get(ctx, "scaledobjects.keda.sh", metav1.GetOptions{})
	switch {
	case err == nil && p.loader == "":
		return fmt.Errorf("KEDA is on the cluster of %s, and journeys delete it with every ScaledObject: take it away first, or create the Namespace %s to have it deleted",
			p.kubeconfig, claimed)
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("looking for KEDA: %w", err)
	}
	return p.ApplyNamespace(ctx, claimed, nil, nil)
}
