package trust

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/notice"
)

// publish returns as findings what stands in the way and only a person can move.
func (r *Reconciler) publish(ctx context.Context, to notice.Audience, resolution injector.Resolution) ([]injector.Finding, error) {
	namespace := to.Namespace.Name
	before, err := r.trusted(ctx, namespace)
	if err != nil {
		return nil, err
	}
	done, err := r.publisher.publish(ctx, namespace, resolution)
	var foreign *foreignError
	if errors.As(err, &foreign) {
		refused := []injector.Finding{foreign.finding()}
		r.count(namespace, refused)
		return refused, nil
	}
	if err != nil {
		return nil, err
	}
	if done.any() {
		publications.WithLabelValues(namespace).Inc()
		logf.FromContext(ctx).Info("Published", "state", resolution.State.ID, "certificateSecret", resolution.State.CertificateSecret,
			"customCAConfigMap", resolution.State.CustomCAConfigMap)
	}
	r.tellPublication(to, done, resolution, before)
	return nil, r.publisher.prune(ctx, namespace, r.options.now())
}

// trusted are the custom CAs of the state that is published, none where there
// is no state or it cannot be read: then all are told as added.
func (r *Reconciler) trusted(ctx context.Context, namespace string) (injector.Bundle, error) {
	state, err := installation.State(ctx, r.reader.Live, namespace)
	if err != nil || state == nil || state.CustomCAConfigMap == "" {
		return injector.Bundle{}, err
	}
	published, found, err := r.configMap(ctx, namespace, state.CustomCAConfigMap)
	if err != nil || !found {
		return injector.Bundle{}, err
	}
	cas, invalid := injector.ParseBundle([]byte(published.Data[injector.PublishedCAKey]))
	if invalid != nil {
		logf.FromContext(ctx).Info("The published custom CAs cannot be read and are published anew", "configMap", published.Name, "error", invalid.Error())
	}
	return cas, nil
}

func (r *Reconciler) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, bool, error) {
	configMap := &corev1.ConfigMap{}
	err := r.reader.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, configMap)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, name, err)
	}
	return configMap, true, nil
}

// release tells once that a namespace is no longer managed. That it was told
// stands on the state itself, so that a new leader does not tell it again.
func (r *Reconciler) release(ctx context.Context, ns *corev1.Namespace) error {
	if !r.granted(ns.Name) {
		return nil
	}
	state, found, err := r.configMap(ctx, ns.Name, injector.StateConfigMap)
	if err != nil || !found || !injector.Published(state.Labels) || state.Annotations[injector.AnnotationReleased] != "" {
		return err
	}
	if state.Annotations == nil {
		state.Annotations = map[string]string{}
	}
	state.Annotations[injector.AnnotationReleased] = "true"
	if err := r.publisher.update(ctx, state, "ConfigMap"); err != nil {
		return err
	}
	r.teller.Event(notice.Audience{Namespace: ns}, corev1.EventTypeNormal, injector.ReasonReleased, injector.ReasonReleased.Sentence())
	return nil
}
