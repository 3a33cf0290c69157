package trust

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// shown are the gauges of a namespace as a page of metrics has them, without the
// namespace: `name{label="value"}`.
func shown(t testing.TB, namespace string) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			of := ""
			for _, label := range metric.GetLabel() {
				if label.GetName() == ofNamespace {
					of = label.GetValue()
					continue
				}
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			if of == namespace && metric.GetGauge() != nil {
				out[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = metric.GetGauge().GetValue()
			}
		}
	}
	return out
}

func stageOf(s stage) string { return fmt.Sprintf("keda_trust_rotation_stage{stage=%q}", s) }

var _ = It("A change of certificate is seen in metrics, and what a namespace no longer has is not", func(ctx context.Context) {
	first, second, corp := certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Custom")
	of := func(bundle string, ca certtest.CA) string {
		return fmt.Sprintf("keda_trust_published_ca_not_after_timestamp_seconds{bundle=%q,sha256=%q}", bundle, injector.Fingerprint(ca.Cert)[:16])
	}
	f := newFleet(ctx, "2.21.0", map[string]string{injector.AnnotationCertificate: "secret/my-tls", injector.AnnotationCustomCA: "configmap/corp"})
	f.put(ctx, "Secret", "my-tls", certificateFrom(first, f.namespace))
	f.put(ctx, "ConfigMap", "corp", bundle(corp))
	f.installed(ctx)
	atRest := shown(GinkgoTB(), f.namespace)
	Expect(atRest).To(And(
		HaveKeyWithValue(of("certificate", first), float64(first.Cert.NotAfter.Unix())),
		HaveKeyWithValue(of("custom", corp), float64(corp.Cert.NotAfter.Unix())),
		HaveKeyWithValue(`keda_trust_published_bundle_certificates{bundle="certificate"}`, 1.0),
		HaveKeyWithValue(`keda_trust_published_bundle_certificates{bundle="custom"}`, 1.0),
		HaveKeyWithValue(`keda_trust_published_bundle_not_after_timestamp_seconds{bundle="custom"}`, float64(corp.Cert.NotAfter.Unix())),
		HaveKeyWithValue(stageOf(stageSteady), 1.0),
		Not(HaveKey(HavePrefix("keda_trust_rotation_start"))),
		Not(HaveKey(HavePrefix("keda_trust_rotation_lagging")))))

	f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
	f.reconcile(ctx)
	begun := f.now().Unix()
	f.carry(ctx)
	f.sync(ctx, f.pods[1:]...)
	f.ahead += 30 * time.Second
	f.restart()
	f.reconcile(ctx)
	Expect(shown(GinkgoTB(), f.namespace)).To(And(
		HaveKey(of("certificate", first)), HaveKey(of("certificate", second)),
		HaveKeyWithValue(`keda_trust_published_bundle_certificates{bundle="certificate"}`, 2.0),
		HaveKeyWithValue(stageOf(stageSteady), 0.0), HaveKeyWithValue(stageOf(stageTrusting), 1.0),
		HaveKeyWithValue("keda_trust_rotation_start_timestamp_seconds{}", float64(begun)),
		HaveKeyWithValue(`keda_trust_rotation_lagging_consumers{component="operator"}`, 1.0),
		HaveKeyWithValue(`keda_trust_rotation_lagging_consumers{component="apiserver"}`, 0.0)))

	f.eventually(ctx)
	after := shown(GinkgoTB(), f.namespace)
	Expect(after).To(HaveLen(len(atRest)))
	Expect(after).To(And(HaveKey(of("certificate", second)), Not(HaveKey(of("certificate", first)))))
	f.label(ctx, "disabled")
	f.reconcile(ctx)
	Expect(shown(GinkgoTB(), f.namespace)).To(BeEmpty())
})

var _ = Describe("Since when a change of certificate is under way", func() {
	const start = "keda_trust_rotation_start_timestamp_seconds{}"
	var first, second certtest.CA
	var f *fleet
	BeforeEach(func(ctx context.Context) {
		first, second = certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		f = newFleet(ctx, "2.21.0", ours)
	})
	startsNow := func(ctx context.Context) {
		GinkgoHelper()
		f.told()
		f.reconcile(ctx)
		Expect(shown(GinkgoTB(), f.namespace)).To(HaveKeyWithValue(start, float64(f.now().Unix())))
		Expect(f.told()).To(ContainElement(HavePrefix("Normal RotationStarted")))
	}

	It("is noted also where nothing can be published yet, and told once", func(ctx context.Context) {
		f.annotate(ctx, injector.AnnotationCertificateCA, "configmap/both")
		f.put(ctx, "ConfigMap", "both", bundle(first, second))
		f.put(ctx, "Secret", "my-tls", certificateFrom(first, f.namespace))
		f.installed(ctx)
		held := f.mounted(ctx)
		f.pods[0].reads(certificates{held.leaf, bundleOf(GinkgoTB(), first)})
		next := certificateFrom(second, f.namespace)
		f.put(ctx, "Secret", "my-tls", next)
		startsNow(ctx)
		Expect(f.mounted(ctx)).To(Equal(held))
		begun := float64(f.now().Unix())
		f.restart()
		f.ahead += time.Minute
		f.reconcile(ctx)
		Expect(shown(GinkgoTB(), f.namespace)).To(HaveKeyWithValue(start, begun))
		Expect(f.told()).To(HaveEach(HavePrefix("Warning RotationWaiting")))

		f.sync(ctx, f.pods[0])
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(next["tls.crt"]))
		Expect(shown(GinkgoTB(), f.namespace)).NotTo(HaveKey(start))
		Expect(f.reasons()).To(Equal([]string{"Published", "RotationFinished"}))
	})

	DescribeTable("is forgotten when it is over without anything to publish, so that the next one has its own", func(ctx context.Context, end func(context.Context, map[string][]byte)) {
		source := certificateFrom(first, f.namespace)
		f.put(ctx, "Secret", "my-tls", source)
		f.installed(ctx)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		startsNow(ctx)
		stands := f.publishedSecret(ctx)
		f.ahead += 2 * time.Minute
		end(ctx, source)
		f.reconcile(ctx)
		Expect(shown(GinkgoTB(), f.namespace)).NotTo(HaveKey(start))
		Expect(f.publishedSecret(ctx)).To(Equal(stands))

		f.ahead += 24 * time.Hour
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.put(ctx, "Secret", "my-tls", certificateFrom(certtest.NewCA(GinkgoTB(), "Third"), f.namespace))
		f.pods[0].deaf = true
		startsNow(ctx)
	},
		Entry("the source trusts both CAs with the certificate before", func(ctx context.Context, before map[string][]byte) {
			f.put(ctx, "Secret", "my-tls", map[string][]byte{"tls.crt": before["tls.crt"], "tls.key": before["tls.key"], "ca.crt": f.mounted(ctx).ca.PEM()})
		}),
		Entry("KEDA issues", func(ctx context.Context, _ map[string][]byte) {
			f.put(ctx, "Secret", injector.KEDACertSecret, certificateFrom(certtest.NewCA(GinkgoTB(), "KEDA"), f.namespace))
			f.annotate(ctx, injector.AnnotationCertificate, "keda")
		}),
	)
})

var _ = It("What is told of a namespace is seen in metrics for as long as it is, also before anything is published", func(ctx context.Context) {
	const missing, flapping = `keda_trust_findings{reason="SourceMissing"}`, `keda_trust_findings{reason="SourceFlapping"}`
	k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "secret/my-tls"})
	k.operator(ctx, "--enable-cert-rotation=true")
	k.reconcile(ctx)
	Expect(shown(GinkgoTB(), k.namespace)).To(Equal(map[string]float64{missing: 1}))
	k.patient = time.Minute // so that there is something to hold back
	k.restart()
	for n := range tooOften + 1 {
		k.put(ctx, "Secret", "my-tls", certificateFrom(certtest.NewCA(GinkgoTB(), fmt.Sprint(n)), k.namespace))
		k.reconcile(ctx)
	}
	Expect(shown(GinkgoTB(), k.namespace)).To(And(HaveKeyWithValue(flapping, 1.0), Not(HaveKey(missing))))
	k.ahead += 2 * quiet
	k.reconcile(ctx)
	Expect(shown(GinkgoTB(), k.namespace)).NotTo(HaveKey(flapping))
})

var _ = DescribeTable("What keeps a namespace from being looked at is told for as long as it lasts, and counted", func(ctx context.Context, reason injector.Reason, refuse func(context.Context, *keda)) {
	const flapping = `keda_trust_findings{reason="SourceFlapping"}`
	k := newKEDA(ctx, nil)
	k.operator(ctx, "--enable-cert-rotation=true")
	k.reconcile(ctx)
	stands := shown(GinkgoTB(), k.namespace)
	published.told(k.namespace, []injector.Finding{{Reason: injector.ReasonSourceFlapping}})
	Expect(shown(GinkgoTB(), k.namespace)).To(HaveKey(flapping))
	k.told()
	refuse(ctx, k)
	told := 0
	for minute := range 60 {
		result, err := k.try(ctx)
		if err == nil {
			Expect(result.RequeueAfter).To(Equal(time.Minute))
		}
		for _, event := range k.told() {
			Expect(event).To(HavePrefix("Warning " + string(reason)))
			told++
		}
		Expect(k.faultsOf(reason)).To(Equal(float64(minute + 1)))
		k.ahead += time.Minute
	}
	Expect(told).To(Equal(2), "once, and before an API server forgets it")
	stands[fmt.Sprintf("keda_trust_findings{reason=%q}", reason)] = 1
	Expect(shown(GinkgoTB(), k.namespace)).To(Equal(stands))
},
	Entry("a label of another value", injector.ReasonOptionInvalid, func(ctx context.Context, k *keda) { k.label(ctx, "enable") }),
	Entry("no grant", injector.ReasonNamespaceNotGranted, func(_ context.Context, k *keda) { k.restart("elsewhere") }),
	Entry("a right that is missing", injector.ReasonNamespaceNotGranted, func(_ context.Context, k *keda) {
		k.client = forbidding{k.client, injector.StateConfigMap}
		k.restart()
	}),
)

func TestALargeBundleShowsTheCAsThatEndFirst(t *testing.T) {
	t.Parallel()
	end := certtest.Now
	var cas []certtest.CA
	for n := range mostCAs + 5 {
		cas = append(cas, certtest.NewCA(t, "Public", certtest.Between(end.AddDate(-1, 0, 0), end.AddDate(0, 0, 100-n))))
	}
	series := map[*prometheus.Desc]int{}
	first := 0.0
	collectBundle(func(d *prometheus.Desc, value float64, _ ...string) {
		series[d]++
		if d == bundleNotAfter {
			first = value
		}
	}, bundleCustom, bundleOf(t, cas...))
	if last := cas[len(cas)-1].Cert.NotAfter.Unix(); series[caNotAfter] != mostCAs || first != float64(last) {
		t.Errorf("%d series, the first ends at %v; want %d and %d", series[caNotAfter], first, mostCAs, last)
	}
}
