package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("The listener", Serial, func() {
	It("is unready until the caBundle that is stored verifies it, and alive from the start", func(ctx context.Context) {
		p := start(0, "readiness")
		Eventually(p.health).WithArguments("/healthz").WithTimeout(20 * time.Second).Should(Equal(http.StatusOK))
		Consistently(p.health).WithArguments("/readyz").WithTimeout(time.Second).ShouldNot(Equal(http.StatusOK))
		register(ctx, p, admissionregistrationv1.Fail)
		p.becomesReady()
		Expect(p.health("/healthz")).To(Equal(http.StatusOK))
	})

	It("told to stop, is unready at once, serves on for the delay, and then stops", func(ctx context.Context) {
		p := start(3*time.Second, "drained")
		register(ctx, p, admissionregistrationv1.Fail)
		p.becomesReady()
		apply(ctx, labelled("drained", "enabled", nil))
		begin := time.Now()
		p.stop()
		Eventually(p.health).WithArguments("/readyz").WithTimeout(time.Second).Should(Equal(http.StatusInternalServerError))
		k := kedaIn("drained")
		Expect(direct.Create(ctx, k.operator)).To(Succeed(), "failurePolicy is Fail, so somebody answered")
		Eventually(p.ended).WithTimeout(20 * time.Second).Should(BeClosed())
		Expect(time.Since(begin)).To(BeNumerically(">=", 3*time.Second))
	})

	It("answers what is no AdmissionReview with a 4xx, and speaks TLS 1.3 only", func(ctx context.Context) {
		p := startReady(ctx, "garbage")
		status := func(contentType string, body io.Reader) int {
			GinkgoHelper()
			response, err := client13().Post(p.url(injector.PathMutate), contentType, body)
			Expect(err).NotTo(HaveOccurred())
			defer response.Body.Close()
			return response.StatusCode
		}
		const json = "application/json"
		for _, garbage := range []string{"", "{", "null", "[]", "{}", `{"kind":"Pod","apiVersion":"v1"}`,
			`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":7}}`} {
			Expect(status(json, strings.NewReader(garbage))).To(Equal(http.StatusBadRequest), garbage)
		}
		Expect(status("text/plain", strings.NewReader("{}"))).To(Equal(http.StatusBadRequest))
		Expect(status(json, io.LimitReader(zeros{}, maxBodyBytes+1))).To(Equal(http.StatusRequestEntityTooLarge))
		Expect(p.health("/healthz")).To(Equal(http.StatusOK))

		_, err := tls.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(p.url(""), "/"), "https://"), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}) //nolint:gosec // what is tried is that this fails
		Expect(err).To(MatchError(ContainSubstring("protocol version")))
	})

	It("refuses a body of 1 GB without reading it", func(ctx context.Context) {
		p := startReady(ctx, "large")
		sent := &counted{Reader: io.LimitReader(zeros{}, 1<<30)}
		response, err := client13().Post(p.url(injector.PathMutate), "application/json", sent)
		if err == nil { // else the listener closed the connection before all was sent
			defer response.Body.Close()
			Expect(response.StatusCode).To(Equal(http.StatusRequestEntityTooLarge))
		}
		Eventually(sent.closed.Load).WithTimeout(10*time.Second).Should(BeTrue(), "a transport sends on for a while after the answer")
		// What the kernels of both ends hold is sent without anybody reading it.
		Expect(sent.bytes.Load()).To(BeNumerically("<", 128<<20))
		Expect(p.health("/healthz")).To(Equal(http.StatusOK))
	})
})

func client13() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, //nolint:gosec // not what these tests are about
	}}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'0'}, len(p))), nil }

// counted is a body, which a transport reads and closes in goroutines of its own.
type counted struct {
	io.Reader
	bytes  atomic.Int64
	closed atomic.Bool
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c *counted) Close() error {
	c.closed.Store(true)
	return nil
}
