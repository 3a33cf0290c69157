package serving

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func (f *fleet) tlsOpts(certificate *Certificate) []func(*tls.Config) {
	return []func(*tls.Config){certificate.TLS, func(config *tls.Config) {
		if f.fresh {
			config.NextProtos = []string{"http/1.1"}
		}
	}}
}

func pool(certificates ...*x509.Certificate) *x509.CertPool {
	roots := x509.NewCertPool()
	for _, certificate := range certificates {
		roots.AddCert(certificate)
	}
	return roots
}

// ownGoroutines are those that run the leaf's source, the authority or a
// reconciler of this package.
func ownGoroutines() []gleak.Goroutine {
	return slices.DeleteFunc(gleak.Goroutines(), func(g gleak.Goroutine) bool {
		return !strings.Contains(g.Backtrace, "cert-manager/pkg/server/tls") &&
			!strings.Contains(g.Backtrace, "serving.(*Authority)") &&
			!strings.Contains(g.Backtrace, "controller-runtime/pkg/internal/controller")
	})
}

func (in installation) watchBundles(ctx context.Context) watch.Interface {
	GinkgoHelper()
	watcher, err := client.NewWithWatch(config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
	events, err := watcher.Watch(ctx, &admissionregistrationv1.MutatingWebhookConfigurationList{},
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", in.configuration)})
	Expect(err).NotTo(HaveOccurred())
	return events
}

// nextFilled returns when every caBundle was filled again after it was empty.
func nextFilled(events watch.Interface) time.Time {
	GinkgoHelper()
	deadline := time.After(5 * time.Second)
	emptied := false
	for {
		select {
		case event := <-events.ResultChan():
			configuration, ok := event.Object.(*admissionregistrationv1.MutatingWebhookConfiguration)
			Expect(ok).To(BeTrue(), "got %v", event.Object)
			filled := true
			for _, webhook := range configuration.Webhooks {
				filled = filled && len(webhook.ClientConfig.CABundle) > 0
			}
			if emptied && filled {
				return time.Now()
			}
			emptied = emptied || !filled
		case <-deadline:
			Fail("nobody healed the caBundle")
		}
	}
}
