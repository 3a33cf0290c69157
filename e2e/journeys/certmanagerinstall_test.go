package journeys

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"github.com/cert-manager/cert-manager/pkg/client/clientset/versioned"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/certmanager"
)

// installCertManager takes it away again after the journey.
func installCertManager(ctx SpecContext) {
	installed, err := certmanager.Installation(load(ctx, certmanager.Controllers), load(ctx, certmanager.CAInjector))
	Expect(err).NotTo(HaveOccurred())
	definitions, err := certmanager.Definitions(ctx)
	Expect(err).NotTo(HaveOccurred())
	objects := slices.Concat(definitions, installed)
	for _, object := range objects {
		_, err := on.Apply(ctx, object)
		Expect(err).NotTo(HaveOccurred())
	}
	DeferCleanup(func(ctx SpecContext) { Expect(on.Delete(ctx, objects)).To(Succeed()) }, NodeTimeout(5*time.Minute))
	for _, name := range certmanager.Deployments {
		Expect(on.AwaitRollout(ctx, certmanager.Namespace, name)).To(Succeed())
	}
}

func reportCertManager() {
	if !CurrentSpecReport().Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	said, err := on.Kubectl(ctx, "get", "issuers,certificates,certificaterequests", "-o", "yaml", "-n", kedaNamespace)
	fmt.Fprintln(GinkgoWriter, said, err)
	on.ReportNamespace(ctx, GinkgoWriter, certmanager.Namespace)
}

// applyAll waits for kinds that have just been defined.
func applyAll(ctx context.Context, objects func() ([]*unstructured.Unstructured, error)) {
	GinkgoHelper()
	made, err := objects()
	Expect(err).NotTo(HaveOccurred())
	for _, object := range made {
		Eventually(func() error {
			_, err := on.Apply(ctx, object)
			return err
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
	}
}

// generateCA has cert-manager make KEDA's CA, or another.
func generateCA(ctx context.Context) []byte {
	GinkgoHelper()
	if certificatesIn(ctx, certmanager.CASecret) == nil {
		applyAll(ctx, certmanager.CAObjects)
		Eventually(certificatesIn).WithArguments(ctx, certmanager.CASecret).WithTimeout(time.Minute).Should(HaveKey(corev1.TLSCertKey))
	} else {
		renew(ctx, certmanager.CACertificate, certmanager.CASecret)
	}
	return []byte(certificatesIn(ctx, certmanager.CASecret)[corev1.TLSCertKey])
}

// putCA makes a CA elsewhere and puts it where the chart is told that it is, with
// leave to be injected.
func putCA(ctx context.Context) []byte {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	authority, err := certificates.NewAuthority("Corp", key)
	Expect(err).NotTo(HaveOccurred())
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	put(ctx, "v1", "Secret", kedaNamespace, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: certmanager.CASecret, Annotations: map[string]string{certmanager.AllowInjection: "true"}},
		Data: map[string][]byte{
			corev1.TLSCertKey: authority.PEM, corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
			"ca.crt": authority.PEM,
		},
	})
	return authority.PEM
}

// renew returns when the Certificate's Secret holds another certificate.
func renew(ctx context.Context, certificate, secret string) {
	GinkgoHelper()
	client, err := versioned.NewForConfig(on.Config)
	Expect(err).NotTo(HaveOccurred())
	before := certificatesIn(ctx, secret)
	Expect(certmanager.Renew(ctx, client, kedaNamespace, certificate)).To(Succeed())
	Eventually(certificatesIn).WithArguments(ctx, secret).WithTimeout(time.Minute).
		Should(HaveKeyWithValue(corev1.TLSCertKey, Not(Equal(before[corev1.TLSCertKey]))))
}

// certificatesIn are what a Secret beside KEDA holds, but for its key; nothing where
// it is not there.
func certificatesIn(ctx context.Context, name string) map[string]string {
	secret, err := on.Pods.CoreV1().Secrets(kedaNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return map[string]string{corev1.TLSCertKey: string(secret.Data[corev1.TLSCertKey]), "ca.crt": string(secret.Data["ca.crt"])}
}

// served is the SHA-256 of the certificate that a pod shows.
func served(ctx context.Context, labels string, port int) (string, error) {
	address, stop, err := on.Forward(ctx, kedaNamespace, labels, port)
	if err != nil {
		return "", err
	}
	defer stop()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("shaking hands: %w", err)
	}
	defer connection.Close()
	return fingerprint(connection.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw), nil
}

func fingerprint(der []byte) string {
	digest := sha256.Sum256(der)
	return hex.EncodeToString(digest[:])
}
