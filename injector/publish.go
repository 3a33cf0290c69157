package injector

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Published says whether an object with these labels is keda-trust's own.
func Published(labels map[string]string) bool { return labels[LabelManagedBy] == Name }

// Released says whether a StateConfigMap with these annotations was left behind by a
// Namespace that lost its label. Its state is not in force, also where the Namespace
// has the label again: sources may have changed meanwhile, and whoever publishes looks
// at them first, and takes the annotation away.
func Released(annotations map[string]string) bool { return annotations[AnnotationReleased] != "" }

// CustomCAConfigMapName names the content, so that other content is another
// ConfigMap, and a rollout.
func CustomCAConfigMapName(cas Bundle) string { return PublishedCAPrefix + cas.Digest()[:10] }

// CertificateObject is the Secret that pods mount, nil where none is published.
// Its type is that of its content, so that tools that look for certificates
// about to expire find it.
func (r Resolution) CertificateObject(namespace string) *corev1.Secret {
	if r.Secret == nil {
		return nil
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: published(namespace, PublishedSecret),
		Type:       corev1.SecretTypeTLS,
		Data:       r.Secret,
	}
}

// CustomCAObject is the immutable ConfigMap of custom CAs, nil without any.
func (r Resolution) CustomCAObject(namespace string) *corev1.ConfigMap {
	if r.State == nil || r.State.CustomCAConfigMap == "" {
		return nil
	}
	immutable := true
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: published(namespace, r.State.CustomCAConfigMap),
		Immutable:  &immutable,
		Data:       map[string]string{PublishedCAKey: string(r.CustomCA)},
	}
}

// Object is the ConfigMap that holds the state.
func (s State) Object(namespace string) (*corev1.ConfigMap, error) {
	raw, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: published(namespace, StateConfigMap),
		Data:       map[string]string{StateKey: string(raw)},
	}, nil
}

func published(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{LabelManagedBy: Name}}
}
