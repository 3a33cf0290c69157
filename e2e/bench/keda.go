package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	certificateSecret = "keda-tls"
	rootsConfigMap    = "corp-roots"
	// patience is for what usually takes well below a second.
	patience = 30 * time.Second
)

// installKEDA does what a platform team does: a namespace with a certificate and
// a CA, and KEDA's own release. It returns the operator as KEDA publishes it.
func (b *bench) installKEDA(ctx context.Context) (*unstructured.Unstructured, error) {
	release, err := local.KEDARelease(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.enable(ctx); err != nil {
		return nil, err
	}
	var operator *unstructured.Unstructured
	for _, object := range release {
		if object.GetKind() == "Namespace" {
			continue // is there, with the label
		}
		if object.GetKind() == "Deployment" && object.GetName() == local.OperatorDeployment {
			operator = object
		}
		if _, err := b.cluster.Apply(ctx, object); err != nil {
			return nil, err
		}
	}
	if operator == nil {
		return nil, errors.New("reading KEDA's release: it has no Deployment " + local.OperatorDeployment)
	}
	b.state, err = b.untilState(ctx)
	return operator, err
}

// enable makes the sources and the Namespace that names them.
func (b *bench) enable(ctx context.Context) error {
	certificate, err := certificates.Issue("KEDA", local.KEDAHosts())
	if err != nil {
		return err
	}
	roots, err := certificates.Issue("Example Corporate Root", nil)
	if err != nil {
		return err
	}
	if err := b.cluster.ApplyNamespace(ctx, injector.DefaultKEDANamespace, map[string]string{injector.LabelInject: string(injector.ModeEnabled)}, map[string]string{
		injector.AnnotationCertificate: "secret/" + certificateSecret,
		injector.AnnotationCustomCA:    "configmap/" + rootsConfigMap,
	}); err != nil {
		return err
	}
	core, created := b.client.CoreV1(), metav1.CreateOptions{}
	_, err = core.Secrets(injector.DefaultKEDANamespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: certificateSecret},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{"tls.crt": certificate.Certificate, "tls.key": certificate.Key, "ca.crt": certificate.CA},
	}, created)
	if err != nil {
		return fmt.Errorf("creating Secret %s: %w", certificateSecret, err)
	}
	_, err = core.ConfigMaps(injector.DefaultKEDANamespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: rootsConfigMap},
		Data:       map[string]string{"ca.crt": string(roots.CA)},
	}, created)
	if err != nil {
		return fmt.Errorf("creating ConfigMap %s: %w", rootsConfigMap, err)
	}
	return nil
}

// untilState waits for what the leader publishes.
func (b *bench) untilState(ctx context.Context) (*injector.State, error) {
	var state *injector.State
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		published, err := b.client.CoreV1().ConfigMaps(injector.DefaultKEDANamespace).Get(ctx, injector.StateConfigMap, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		state, err = injector.ParseState([]byte(published.Data[injector.StateKey]))
		return err == nil && state.CustomCAConfigMap != "", err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the state in ConfigMap %s: %w\n%s", injector.StateConfigMap, err, b.server.LastWords())
	}
	return state, nil
}
