package trust

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestNeitherAnEmergencyNorAnEndedCertificateIsHeldBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ca := certtest.NewCA(t, "Ours")
	ending := func(left time.Duration) standing {
		s := standing{state: &injector.State{CABundle: ca.CertPEM}, stateObject: &corev1.ConfigMap{}}
		s.stateObject.Annotations = map[string]string{
			injector.AnnotationTarget: "one", injector.AnnotationPublished: now.Add(-time.Second).Format(time.RFC3339),
		}
		s.certificates.leaf = leafOf(t, ca, certtest.Between(now.Add(-time.Hour), now.Add(left)))
		return s
	}
	r := &Reconciler{options: Options{Now: func() time.Time { return now }}}
	for name, c := range map[string]struct {
		immediate bool
		have      standing
		want      time.Duration
	}{
		"the one before is good for long": {false, ending(time.Hour), quiet - time.Second},
		"it ends before":                  {false, ending(10 * time.Second), 10 * time.Second},
		"it has ended":                    {false, ending(-time.Second), 0},
		"an emergency":                    {true, ending(time.Hour), 0},
	} {
		seen := reading{resolution: injector.Resolution{State: &injector.State{ID: "two"}}, immediate: c.immediate}
		if got := r.heldBack(seen, c.have); got != c.want {
			t.Errorf("%s: held back for %s, want %s", name, got, c.want)
		}
	}
}

var _ = Describe("a source that flaps", func() {
	// seconds has change made once a second, and says how often what is published
	// changed, and how often that was told.
	seconds := func(ctx context.Context, k *keda, n int, change func(second int)) (publications, told int) {
		GinkgoHelper()
		last := k.published(ctx)
		for second := range n {
			change(second)
			k.reconcile(ctx)
			if now := k.published(ctx); now["ConfigMap "+injector.StateConfigMap] != last["ConfigMap "+injector.StateConfigMap] {
				publications++
				last = now
			}
			k.ahead += time.Second
		}
		for _, event := range k.told() {
			if strings.HasPrefix(event, "Warning SourceFlapping") {
				told++
			}
		}
		return publications, told
	}
	begin := func(ctx context.Context) *keda {
		k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "secret/my-tls", injector.AnnotationCustomCA: "configmap/corp"})
		k.patient = DefaultConvergenceTimeout
		k.restart()
		k.put(ctx, "Secret", "my-tls", certificateFrom(certtest.NewCA(GinkgoTB(), "Ours"), k.namespace))
		k.put(ctx, "ConfigMap", "corp", bundle(certtest.NewCA(GinkgoTB(), "Corp")))
		k.reconcile(ctx)
		k.ahead += 2 * DefaultConvergenceTimeout
		k.told()
		return k
	}

	It("of ever other CAs is followed twice at once, then once a minute, and is told once", func(ctx context.Context) {
		k := begin(ctx)
		var last certtest.CA
		publications, told := seconds(ctx, k, 60, func(int) {
			last = certtest.NewCA(GinkgoTB(), "Corp")
			k.put(ctx, "ConfigMap", "corp", bundle(last))
		})
		Expect(publications).To(Equal(2), "as somebody who corrects a mistake")
		Expect(told).To(Equal(1))
		after, _ := seconds(ctx, k, 5, func(int) {})
		Expect(after).To(Equal(1), "what it has come to")
		Expect(k.customCAs(ctx)).To(Equal(nameOf(last)))
	})

	It("between two, also with another leader in the middle", func(ctx context.Context) {
		k := begin(ctx)
		two := []certtest.CA{certtest.NewCA(GinkgoTB(), "One"), certtest.NewCA(GinkgoTB(), "Two")}
		flap := func(second int) { k.put(ctx, "ConfigMap", "corp", bundle(two[second%2])) }
		publications, told := seconds(ctx, k, 30, flap)
		Expect(told).To(Equal(1))
		k.restart()
		again, _ := seconds(ctx, k, 30, flap)
		Expect(publications).To(Equal(2))
		Expect(again).To(BeNumerically("<=", 3), "which has to find out by itself")
	})

	It("of certificates comes to no second stage, and gives up the first once", func(ctx context.Context) {
		k := begin(ctx)
		publications, told := seconds(ctx, k, 60, func(int) {
			k.put(ctx, "Secret", "my-tls", certificateFrom(certtest.NewCA(GinkgoTB(), "Next"), k.namespace))
		})
		Expect(publications).To(Equal(2))
		Expect(told).To(Equal(1))
		Expect(len(k.publishedSecret(ctx)["ca.crt"])).To(BeNumerically("<", 2000), "two generations")
	})

	It("while a stage waits writes nothing and tells of no stage at every turn", func(ctx context.Context) {
		f := newFleet(ctx, "2.21.0", ours)
		old, next := certificateFrom(certtest.NewCA(GinkgoTB(), "Old"), f.namespace), certificateFrom(certtest.NewCA(GinkgoTB(), "Next"), f.namespace)
		f.put(ctx, "Secret", "my-tls", old)
		f.installed(ctx)
		f.put(ctx, "Secret", "my-tls", next)
		f.reconcile(ctx)
		f.ahead += 2 * time.Minute // and nobody has it
		f.told()
		writes := map[string]bool{}
		publications, told := seconds(ctx, f.keda, 60, func(second int) {
			for name, version := range f.published(ctx) {
				writes[name+version] = true
			}
			f.put(ctx, "Secret", "my-tls", []map[string][]byte{old, next}[second%2])
		})
		Expect(told).To(Equal(2), "once, about the Namespace and the operator")
		Expect(publications).To(BeNumerically("<", tooOften), "before it flaps it is noted where it leads to")
		Expect(len(writes)).To(BeNumerically("<=", 2*tooOften))
	})

	It("is no annotation that somebody changes twice in a minute", func(ctx context.Context) {
		k := begin(ctx)
		f := &fleet{keda: k}
		for _, dir := range []string{"/a", "/b", "/c"} {
			f.annotate(ctx, injector.AnnotationCertDir, dir)
			k.reconcile(ctx)
			Expect(k.state(ctx).CertDir).To(Equal(dir))
		}
	})
})
