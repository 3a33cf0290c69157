package journeys

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
)

const operatorName = "keda-operator.keda.svc.cluster.local"

var _ = Describe("Who scales with KEDA", func() {
	It("has an external metric read over verified TLS, and mutual TLS 1.3 behind it", func(ctx SpecContext) {
		pair := bringCertificate(ctx)
		run(ctx, prometheus, openShop(ctx), "")
		scaleShop(ctx, "vector(3)", plainServer)
		Eventually(readMetric).WithArguments(ctx, firstMetric).WithTimeout(2 * time.Minute).Should(Equal("3"))
		Eventually(shopPods).WithArguments(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(BeEquivalentTo(3))

		By("probing the channel between the metrics-apiserver and the operator")
		address, stop, err := on.Forward(ctx, kedaNamespace, "app=keda-operator", 9666)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stop)
		roots := x509.NewCertPool()
		Expect(roots.AppendCertsFromPEM(pair.CA)).To(BeTrue())
		trusted := &tls.Config{RootCAs: roots, ServerName: operatorName, NextProtos: []string{"h2"}}

		own := trusted.Clone()
		own.Certificates = []tls.Certificate{keyPair(pair)}
		Expect(probe(ctx, address, own)).To(BeEquivalentTo(tls.VersionTLS13))

		old := own.Clone()
		old.MaxVersion = tls.VersionTLS12
		_, err = probe(ctx, address, old)
		Expect(err).To(MatchError(ContainSubstring("protocol version not supported")))

		_, err = probe(ctx, address, trusted)
		Expect(err).To(MatchError(ContainSubstring("certificate required")))

		stranger, err := certificates.Issue("Stranger", local.KEDAHosts())
		Expect(err).NotTo(HaveOccurred())
		foreign := trusted.Clone()
		presented := keyPair(stranger)
		// A client that is asked for certificates of another CA sends none by itself.
		foreign.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &presented, nil }
		_, err = probe(ctx, address, foreign)
		Expect(err).To(MatchError(ContainSubstring("unknown certificate authority")))
	}, SpecTimeout(15*time.Minute))
})

func keyPair(pair *certificates.Pair) tls.Certificate {
	GinkgoHelper()
	parsed, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	Expect(err).NotTo(HaveOccurred())
	return parsed
}

// probe returns the version of TLS that a server speaks. In TLS 1.3 it refuses a
// client after the client's handshake is done; a gRPC server that accepts one
// speaks first.
func probe(ctx context.Context, address string, config *tls.Config) (uint16, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: config}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, fmt.Errorf("shaking hands: %w", err)
	}
	defer connection.Close()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return 0, fmt.Errorf("bounding the wait: %w", err)
	}
	if _, err := connection.Read(make([]byte, 1)); err != nil {
		return 0, fmt.Errorf("waiting for the server's first word: %w", err)
	}
	return connection.(*tls.Conn).ConnectionState().Version, nil
}
