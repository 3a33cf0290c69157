package main

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// content reads one object of the input.
func (in *input) content(namespace string, source injector.Source) (injector.Content, bool, error) {
	switch source.Kind {
	case injector.SourceSecret:
		return in.secret(namespace, source.Name)
	case injector.SourceConfigMap:
		return in.configMap(namespace, source.Name)
	case injector.SourceCertificate:
		return in.certificate(namespace, source.Name)
	}
	return in.trustBundle(source.Name)
}

func (in *input) secret(namespace, name string) (injector.Content, bool, error) {
	o := in.find(secrets, namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	if err := o.checkKeys(); err != nil {
		return injector.Content{}, false, err
	}
	secret, err := decodeAny[corev1.Secret](o)
	if err != nil { // its own text could repeat what the Secret holds
		return injector.Content{}, false, fmt.Errorf("reading %s: %s: data is not a mapping to base64, or stringData not one to text", o.where, o.describe())
	}
	return injector.Content{Data: merged(secret.Data, secret.StringData)}, true, nil
}

func (in *input) configMap(namespace, name string) (injector.Content, bool, error) {
	o := in.find(configMaps, namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	configMap, err := decode[corev1.ConfigMap](o)
	if err != nil {
		return injector.Content{}, false, err
	}
	return injector.Content{Data: merged(configMap.BinaryData, configMap.Data)}, true, nil
}

func merged(binary map[string][]byte, text map[string]string) map[string][]byte {
	data := map[string][]byte{}
	maps.Copy(data, binary)
	for key, value := range text {
		data[key] = []byte(value)
	}
	return data
}

// certificate is cert-manager's: its Secret is seldom in the input, but its name
// is, and that is what pods mount.
func (in *input) certificate(namespace, name string) (injector.Content, bool, error) {
	o := in.findIn("cert-manager.io", "Certificate", namespace, name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	certificate, err := decode[struct {
		Spec struct {
			SecretName string `json:"secretName"`
		} `json:"spec"`
	}](o)
	if err != nil {
		return injector.Content{}, false, err
	}
	content, whole, err := in.secret(namespace, certificate.Spec.SecretName)
	content.SecretName, content.Partial = certificate.Spec.SecretName, !whole
	return content, true, err
}

func (in *input) trustBundle(name string) (injector.Content, bool, error) {
	o := in.findIn("certificates.k8s.io", "ClusterTrustBundle", "", name)
	if o == nil {
		return injector.Content{}, false, nil
	}
	bundle, err := decode[struct {
		Spec struct {
			TrustBundle string `json:"trustBundle"`
		} `json:"spec"`
	}](o)
	if err != nil {
		return injector.Content{}, false, err
	}
	return injector.Content{Data: map[string][]byte{injector.KeyTrustBundle: []byte(bundle.Spec.TrustBundle)}}, true, nil
}

// findIn is find for a kind in whatever version; a namespace of "" is for what
// has none.
func (in *input) findIn(group, kind, namespace, name string) *object {
	var found *object
	for _, o := range in.objects {
		here := namespace == "" || in.namespaceOf(o) == namespace
		if strings.HasPrefix(o.APIVersion, group+"/") && o.Kind == kind && here && o.Name == name {
			found = o
		}
	}
	return found
}
