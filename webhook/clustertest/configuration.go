package clustertest

import (
	"bufio"
	"bytes"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/manifests"
)

// WebhookConfiguration is that of manifests/install.yaml, which calls base, an
// https url without a path, where the manifest names a Service.
func WebhookConfiguration(tb testing.TB, base string) *admissionregistrationv1.MutatingWebhookConfiguration {
	tb.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests.InstallYAML)))
	for {
		document, err := reader.Read()
		if err != nil {
			tb.Fatalf("looking for the MutatingWebhookConfiguration in install.yaml: %v", err)
		}
		configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
		if err := yaml.Unmarshal(document, configuration); err != nil || configuration.Kind != "MutatingWebhookConfiguration" {
			continue // another kind, whose fields may have other types
		}
		for i := range configuration.Webhooks {
			called := &configuration.Webhooks[i].ClientConfig
			url := base + *called.Service.Path
			called.Service, called.URL = nil, &url
		}
		return configuration
	}
}
