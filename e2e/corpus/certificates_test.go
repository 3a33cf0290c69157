package corpus

import (
	"crypto/x509"
	"encoding/base64"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

const (
	certificateSecret = "corp-tls"
	rootsConfigMap    = "corp-roots"
	// corporateDir is in no manifest, so that every flag that names a file of the
	// certificate has to change.
	corporateDir = "/corp/tls"
)

// authority signs KEDA's certificates, corporateRoot is what its scalers trust.
var authority, corporateRoot certtest.CA

func makeAuthorities() {
	GinkgoHelper()
	authority = certtest.NewCA(GinkgoTB(), "Example Internal CA", valid)
	corporateRoot = certtest.NewCA(GinkgoTB(), "Example Corporate Root", valid)
}

// valid holds around the wall clock, by which the real keda-trust judges.
func valid(template *x509.Certificate) {
	certtest.Between(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))(template)
}

// asFiles is what a platform team gives the command line, with a certificate for
// names.
func asFiles(names []string) []string {
	GinkgoHelper()
	leaf := authority.Leaf(GinkgoTB(), names, valid)
	return []string{
		"--certificate=secret/" + certificateSecret,
		"--cert-dir=" + corporateDir,
		"--leaf=" + write("leaf.pem", string(leaf.CertPEM)+string(leaf.KeyPEM)),
		"--ca-bundle=" + write("ca.pem", string(authority.CertPEM)),
		"--custom-ca-file=" + writeRoots(),
	}
}

func writeRoots() string {
	GinkgoHelper()
	return write("roots.pem", string(corporateRoot.CertPEM))
}

// asSecret is the same as fields of a Secret.
func asSecret(names []string) map[string]any {
	GinkgoHelper()
	leaf := authority.Leaf(GinkgoTB(), names, valid)
	data := map[string]any{}
	for key, content := range map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": authority.CertPEM} {
		data[key] = base64.StdEncoding.EncodeToString(content)
	}
	return map[string]any{"type": "kubernetes.io/tls", "data": data}
}
