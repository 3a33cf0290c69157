package main

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// pool is what tests share: RSA keys take their time.
var pool = sync.OnceValues(func() ([]*material, error) { return newMaterial(4) })

// issued is material that is another one than those of the three calls before.
func issued(t *testing.T) *material {
	t.Helper()
	made, err := pool()
	if err != nil {
		t.Fatal(err)
	}
	return made[int(handedOut.Add(1))%len(made)]
}

var handedOut atomic.Int32

func TestCertControllerTakesWhatItIsHandedForItsOwn(t *testing.T) {
	m := issued(t)
	lookahead := time.Now().AddDate(0, 0, 90)
	if valid, err := rotator.ValidCert(m.CA, m.CA, m.caKey, caName, nil, lookahead); err != nil || !valid {
		t.Errorf("it would replace the CA: %v", err)
	}
	usages := &[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range local.KEDAHosts() {
		if valid, err := rotator.ValidCert(m.CA, m.Certificate, m.Key, host, usages, lookahead); err != nil || !valid {
			t.Errorf("it would replace the certificate for %s: %v", host, err)
		}
	}
}

func TestEveryCertificateOfABundleIsFoundInItsOrder(t *testing.T) {
	a, b := issued(t), issued(t)
	bundle := bytes.Join([][]byte{[]byte("# of the team\n"), a.CA, b.caKey, b.CA, a.CA}, []byte("\n"))
	if got, want := fingerprints(bundle), []fingerprint{a.ca, b.ca, a.ca}; !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := fingerprints([]byte("no PEM")); len(got) != 0 {
		t.Errorf("there are %d certificates in what is none", len(got))
	}
	if a.ca == b.ca || a.leaf == a.ca {
		t.Error("two certificates have one fingerprint")
	}
}
