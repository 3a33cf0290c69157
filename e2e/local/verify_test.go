package local

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

var published = &injector.State{
	CertificateSecret: "published",
	CertificateDigest: "leaf",
	CustomCAConfigMap: "roots",
	CABundle:          []byte("PEM"),
}

const injectedOperator = `
kind: Deployment
metadata:
  name: keda-operator
  labels: {keda-trust.io/state: injected}
  annotations: {keda-trust.io/state-id: "333fc67fd023ac23"}
spec:
  template:
    spec:
      volumes:
      - name: keda-trust-certificates
        secret: {secretName: published}
      - name: keda-trust-custom-ca
        projected: {sources: [{configMap: {name: roots}}]}
`

func TestAnInjectedOperatorIsFoundInOrder(t *testing.T) {
	if faults := Verify(parse(t, injectedOperator), published); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestAKEDAThatReadsItsCertificateOnceCarriesItsDigestToo(t *testing.T) {
	id, err := published.CarriedID(true)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(injectedOperator, "333fc67fd023ac23", id, 1)
	if faults := Verify(parse(t, changed), published); changed == injectedOperator || len(faults) > 0 {
		t.Error(faults)
	}
}

func TestEachDeviationOfAnOperatorIsAFault(t *testing.T) {
	for _, change := range []struct{ from, to string }{
		{"state: injected", "state: refused"},
		{`state-id: "333fc67fd023ac23"`, `state-id: "4567"`},
		{"secretName: published", "secretName: other"},
		{"name: keda-trust-certificates", "name: certificates"},
		{"name: roots", "name: old"},
		{"name: keda-trust-custom-ca", "name: custom-ca"},
	} {
		changed := strings.Replace(injectedOperator, change.from, change.to, 1)
		if faults := Verify(parse(t, changed), published); len(faults) != 1 {
			t.Errorf("%q: got %v", change.to, faults)
		}
	}
}

func TestAnAPIServiceHasThePublishedBundle(t *testing.T) {
	const service = `
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec: {caBundle: UEVN}
`
	if faults := Verify(parse(t, service), published); len(faults) > 0 {
		t.Error(faults)
	}
	for _, bundle := range []string{"", "T1RIRVI=", "?"} {
		changed := strings.Replace(service, "UEVN", `"`+bundle+`"`, 1)
		if faults := Verify(parse(t, changed), published); len(faults) != 1 {
			t.Errorf("caBundle %q: got %v", bundle, faults)
		}
	}
}

func parse(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}
