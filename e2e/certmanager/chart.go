package certmanager

import (
	_ "embed"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// What KEDA's chart calls its objects by default.
const (
	CACertificate = "keda-operator-ca"
	CASecret      = "kedaorg-ca"
	Certificate   = "keda-operator-tls-certificates"
	Secret        = "kedaorg-certs"
)

// Annotations that ask cainjector for a caBundle, as "NAMESPACE/NAME", and the one
// on a Secret that lets it be read for that.
const (
	InjectFromCertificate = "cert-manager.io/inject-ca-from"
	InjectFromSecret      = "cert-manager.io/inject-ca-from-secret"
	AllowInjection        = "cert-manager.io/allow-direct-injection"
)

//go:embed ca.yaml
var ca string

//go:embed leaf.yaml
var leaf string

// CAObjects have cert-manager make KEDA's CA, in CASecret.
func CAObjects() ([]*unstructured.Unstructured, error) {
	return local.DecodeManifest(strings.NewReader(ca))
}

// Objects have it issue KEDA's certificate by what is in CASecret, into Secret.
func Objects() ([]*unstructured.Unstructured, error) {
	return local.DecodeManifest(strings.NewReader(leaf))
}
