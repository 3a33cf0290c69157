package resilience

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// installed is a witness of an installation where all is as it should be.
func installed(ctx context.Context) *witness {
	GinkgoHelper()
	settles(ctx, current)
	return startWitness(ctx)
}

// settles waits for the end.
func settles(ctx context.Context, to issued) {
	GinkgoHelper()
	began := time.Now()
	Eventually(isSettled).WithArguments(ctx, to).WithTimeout(patience).WithPolling(50 * time.Millisecond).Should(Succeed())
	AddReportEntry("settled", "after "+time.Since(began).Round(time.Millisecond).String())
}

// stages are both CAs, the new leaf, the new CA alone.
const stages = 3

// writtenAtMost bounds how often each object was written, by all of them together.
func writtenAtMost(times int, all ...*replica) {
	GinkgoHelper()
	written := map[string]int{}
	for _, r := range all {
		for what, n := range r.gateway.writes() {
			written[what] += n
		}
	}
	AddReportEntry("written", fmt.Sprint(written))
	Expect(written).To(HaveKey("secrets/"+injector.PublishedSecret), "it is counted at all")
	Expect(written).To(HaveEach(BeNumerically("<=", times)))
}

// isSettled says what is not yet as it is to be in the end.
func isSettled(ctx context.Context, to issued) error {
	secret := &corev1.Secret{}
	if err := direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: injector.PublishedSecret}, secret); err != nil {
		return err
	}
	for key, want := range to.data() {
		if !bytes.Equal(secret.Data[key], want) {
			return fmt.Errorf("%s is not the new one", key)
		}
	}
	for _, p := range pods {
		if held := p.held.Load(); held == nil || held.version != secret.ResourceVersion {
			return fmt.Errorf("the pod at %s is behind", p.address)
		}
	}
	state, err := cluster.State(ctx, namespace)
	if err != nil || state == nil {
		return fmt.Errorf("no state can be read: %w", err)
	}
	if !bytes.Equal(state.CABundle, to.ca.CertPEM) {
		return errors.New("the state does not hold the new CA alone")
	}
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := direct.Get(ctx, client.ObjectKey{Name: injector.KEDAValidatingWebhook}, configuration); err != nil {
		return err
	}
	for _, webhook := range configuration.Webhooks {
		if !bytes.Equal(webhook.ClientConfig.CABundle, state.CABundle) {
			return fmt.Errorf("webhook %s does not hold what the state does", webhook.Name)
		}
	}
	return subjectsCarry(ctx, state)
}

func subjectsCarry(ctx context.Context, state *injector.State) error {
	var faults []error
	for _, subject := range subjects {
		resource, err := cluster.Resource(subject)
		if err != nil {
			return err
		}
		stored, err := resource.Get(ctx, subject.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		faults = append(faults, local.Verify(stored, state)...)
	}
	return errors.Join(faults...)
}

// subjects are what admission injects.
var subjects []*unstructured.Unstructured

// templates are those of the Deployments' pods: what does not change restarts
// nothing.
func templates(ctx context.Context) map[string]any {
	GinkgoHelper()
	all := map[string]any{}
	for _, subject := range subjects {
		resource, err := cluster.Resource(subject)
		Expect(err).NotTo(HaveOccurred())
		stored, err := resource.Get(ctx, subject.GetName(), metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		template, found, err := unstructured.NestedMap(stored.Object, "spec", "template")
		Expect(err).NotTo(HaveOccurred())
		if found {
			all[subject.GetName()] = template
		}
	}
	Expect(all).To(HaveLen(3))
	return all
}
