package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/client/clientset/versioned"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/keda-trust/keda-trust/e2e/certmanager"
	"github.com/keda-trust/keda-trust/e2e/local"
)

const keda = "keda"

func TestAnIssuedCertificateIsRenewedAndFollowsItsCA(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd: run this with make test, which finds or builds them")
	}
	g := NewWithT(t)
	g.SetDefaultEventuallyTimeout(time.Minute)
	c := start(t)
	for _, objects := range []func() ([]*unstructured.Unstructured, error){certmanager.CAObjects, certmanager.Objects} {
		made, err := objects()
		g.Expect(err).NotTo(HaveOccurred())
		for _, object := range made {
			g.Eventually(func() error { // until its kind is served
				_, err := c.cluster.Apply(t.Context(), object)
				return err
			}).Should(Succeed())
		}
	}

	g.Eventually(c.names).Should(ConsistOf(local.KEDAHosts()))
	first := c.secret(certmanager.Secret)
	g.Expect(first["ca.crt"]).To(Equal(c.secret(certmanager.CASecret)["tls.crt"]))

	g.Expect(certmanager.Renew(t.Context(), c.client, keda, certmanager.Certificate)).To(Succeed())
	g.Eventually(c.secret).WithArguments(certmanager.Secret).Should(And(
		HaveKeyWithValue("tls.crt", Not(Equal(first["tls.crt"]))), HaveKeyWithValue("ca.crt", first["ca.crt"])))

	g.Expect(certmanager.Renew(t.Context(), c.client, keda, certmanager.CACertificate)).To(Succeed())
	g.Eventually(c.secret).WithArguments(certmanager.CASecret).Should(HaveKeyWithValue("tls.crt", Not(Equal(first["ca.crt"]))))
	g.Expect(c.secret(certmanager.Secret)).To(HaveKeyWithValue("ca.crt", first["ca.crt"]), "nobody has asked for another leaf")
	g.Expect(certmanager.Renew(t.Context(), c.client, keda, certmanager.Certificate)).To(Succeed())
	g.Eventually(c.secret).WithArguments(certmanager.Secret).Should(HaveKeyWithValue("ca.crt", c.secret(certmanager.CASecret)["tls.crt"]))
	g.Expect(c.names()).To(ConsistOf(local.KEDAHosts()))
}

// running is a control plane with the controllers beside it.
type running struct {
	t       *testing.T
	cluster *local.Cluster
	client  *versioned.Clientset
	core    *kubernetes.Clientset
}

func start(t *testing.T) *running {
	t.Helper()
	g := NewWithT(t)
	cluster, err := local.StartCluster()
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(cluster.Stop()).To(Succeed()) })
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(cluster.WriteKubeconfig(kubeconfig, certmanager.Namespace, "system:masters")).To(Succeed())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	g.Expect(err).NotTo(HaveOccurred())
	c := &running{t: t, cluster: cluster}
	c.client, err = versioned.NewForConfig(config)
	g.Expect(err).NotTo(HaveOccurred())
	c.core, err = cluster.Clientset()
	g.Expect(err).NotTo(HaveOccurred())

	definitions, err := certmanager.Definitions(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	for _, definition := range definitions {
		_, err := cluster.Apply(t.Context(), definition)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(cluster.ApplyNamespace(t.Context(), keda, nil, nil)).To(Succeed())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, kubeconfig) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-ended).To(Succeed())
	})
	return c
}

// secret is what one holds, but for its key; nothing where it is not there.
func (c *running) secret(name string) map[string]string {
	secret, err := c.core.CoreV1().Secrets(keda).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return map[string]string{"tls.crt": string(secret.Data["tls.crt"]), "ca.crt": string(secret.Data["ca.crt"])}
}

// names are those of KEDA's hosts for which the certificate serves those who trust
// its CA, and is its client.
func (c *running) names() []string {
	issued := c.secret(certmanager.Secret)
	leaf, _ := pem.Decode([]byte(issued["tls.crt"]))
	if leaf == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(leaf.Bytes)
	if err != nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(issued["ca.crt"]))
	var verified []string
	for _, name := range local.KEDAHosts() {
		_, asServer := certificate.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		_, asClient := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if asServer == nil && asClient == nil {
			verified = append(verified, name)
		}
	}
	return verified
}
