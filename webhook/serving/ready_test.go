package serving

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

var _ = Describe("Readiness", func() {
	It("is a handshake against the stored caBundle, latched until Drain", func(ctx SpecContext) {
		in := install(ctx, nowhere)
		one := newProcess(in, clocktesting.NewFakePassiveClock(time.Now()))
		address, stop := serveLeaf(ctx, one)
		defer stop()
		certificate := &Certificate{readiness: &readiness{store: one.replica.store}}
		probe := func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
			Expect(err).NotTo(HaveOccurred())
			return certificate.Ready(request)
		}

		Expect(probe()).To(MatchError(ContainSubstring("it holds no certificate")))
		one.follow(ctx)
		Expect(probe()).To(MatchError(ContainSubstring("connection refused")), "nothing listens at the address of the options")
		certificate.readiness.opts.Address = address
		// The first handshakes come before the leaf of the CA that is in use now.
		Eventually(probe).Should(Succeed())

		in.clearBundles(ctx)
		Expect(probe()).To(Succeed(), "latched")
		Expect(certificate.readiness.verify(ctx)).NotTo(Succeed())
		Expect(one.replica.add(ctx, in.webhooks(ctx), Certificates{Current: newCA(one.clock)}.Trusted())).To(Succeed())
		Expect(certificate.readiness.verify(ctx)).To(MatchError(ContainSubstring("unknown authority")))

		certificate.Drain()
		Expect(probe()).To(MatchError(errDraining))
		one.follow(ctx)
		Expect(certificate.readiness.verify(ctx)).To(Succeed(), "a draining process still serves")
		Expect(probe()).To(MatchError(errDraining))
	})
})

// serveLeaf accepts TLS connections with the leaf of the process until stopped.
func serveLeaf(ctx context.Context, p process) (string, func()) {
	GinkgoHelper()
	certificate := &Certificate{leaf: &cmtls.DynamicSource{Authority: p.replica.authority, DNSNames: p.replica.opts.dnsNames()}}
	cfg := &tls.Config{}
	certificate.TLS(cfg)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(ctx)
	server := &http.Server{ReadHeaderTimeout: time.Second}
	ended := make(chan error, 2)
	go func() { ended <- certificate.leaf.Start(ctx) }()
	go func() { ended <- server.Serve(listener) }()
	return listener.Addr().String(), func() {
		cancel()
		Expect(server.Close()).To(Succeed())
		for range 2 {
			Expect(<-ended).To(Or(Not(HaveOccurred()), MatchError(http.ErrServerClosed)))
		}
	}
}
