package check

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

func TestWhatCameOfWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	ours, other := &injector.State{ID: "ours"}, &injector.State{ID: "other"}
	gives := func(state *injector.State, findings ...injector.Finding) injector.Resolution {
		return injector.Resolution{State: state, Findings: findings}
	}
	fault := injector.Finding{Reason: injector.ReasonKeyMismatch}
	forbidden := injector.Finding{Reason: injector.ReasonSourceForbidden}
	odd := injector.Finding{Reason: injector.ReasonSourceForbidden, Warning: true}
	for name, c := range map[string]struct {
		orders Orders
		want   Status
	}{
		"no label":                            {Orders{Published: installation.Publication{State: ours}}, AskedUnmanaged},
		"disabled":                            {Orders{Mode: injector.ModeDisabled}, AskedDisabled},
		"a label that may not be read":        {Orders{Mode: modeUnknown, Published: installation.Publication{State: ours}}, AskedUnknown},
		"what is published":                   {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Published: installation.Publication{State: ours}}, AskedPublished},
		"what was left behind":                {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Published: installation.Publication{Left: ours}}, AskedWaiting},
		"on the way there":                    {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Published: installation.Publication{State: other, Target: "ours"}}, AskedStaged},
		"on the way to something else":        {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Published: installation.Publication{State: other, Target: "third"}}, AskedWaiting},
		"where no way was noted":              {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Published: installation.Publication{State: other}}, AskedWaiting},
		"nothing published":                   {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours)}, AskedWaiting},
		"nothing decided":                     {Orders{Mode: injector.ModeEnabled}, AskedWaiting},
		"a fault":                             {Orders{Mode: injector.ModeEnabled, Resolution: gives(nil, fault), Published: installation.Publication{State: ours}}, AskedRefused},
		"a fault of custom CAs, which stay":   {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours, fault), Published: installation.Publication{State: ours}}, AskedRefused},
		"custom CAs that one may not read":    {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours, forbidden), Published: installation.Publication{State: ours}}, AskedUnknown},
		"a fault in audit":                    {Orders{Mode: injector.ModeAudit, Resolution: gives(nil, fault)}, AskedRefused},
		"no fault in audit":                   {Orders{Mode: injector.ModeAudit, Resolution: gives(ours)}, AskedAudited},
		"a source that one may not read":      {Orders{Mode: injector.ModeEnabled, Resolution: gives(nil, forbidden), Published: installation.Publication{State: ours}}, AskedUnknown},
		"another that is at fault":            {Orders{Mode: injector.ModeEnabled, Resolution: gives(nil, forbidden, fault)}, AskedRefused},
		"KEDA's own, which one may not read":  {Orders{Mode: injector.ModeEnabled, Resolution: gives(other, odd), Published: installation.Publication{State: ours}}, AskedUnknown},
		"a state that one may not read":       {Orders{Mode: injector.ModeEnabled, Resolution: gives(ours), Err: errors.New("forbidden")}, AskedUnknown},
		"a fault beside what may not be read": {Orders{Mode: injector.ModeEnabled, Resolution: gives(nil, fault), Err: errors.New("forbidden")}, AskedRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.orders.status(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestNothingIsSaidOfAStateThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	asked := Observed{Orders: Orders{
		Mode: injector.ModeEnabled, Err: errors.New("forbidden"),
		Resolution: injector.Resolution{Findings: []injector.Finding{{Reason: injector.ReasonCustomCAInvalid}}},
	}}.asked()
	if len(asked.Facts) != 1 || !strings.Contains(asked.Facts[0], "is not known to your account") {
		t.Errorf("got %q", asked.Facts)
	}
}

var _ = Describe("What a Namespace asks for", Serial, func() {
	named := map[string]string{injector.AnnotationCertificate: "secret/keda-tls", injector.AnnotationCustomCA: "configmap/corp"}
	given := func(ctx context.Context, w *world) injector.State {
		GinkgoHelper()
		w.ask(ctx, "enabled", named)
		ns := &corev1.Namespace{}
		Expect(direct.Get(ctx, client.ObjectKey{Name: w.namespace}, ns)).To(Succeed())
		decision, err := trust.Reader{Live: direct, Now: func() time.Time { return w.now }}.Decide(ctx, ns)
		Expect(err).NotTo(HaveOccurred())
		return *decision.Resolution.State
	}

	It("is refused with its reasons where a source is, and changes nothing of what is said of the edges", func(ctx context.Context) {
		w := newWorld(ctx, "refusing")
		before := w.check(ctx)
		w.ask(ctx, "enabled", map[string]string{injector.AnnotationCertificate: "secret/keda-tls", injector.AnnotationCustomCA: "configmap/absent, configmap/corp/other.pem"})
		refused := w.check(ctx)
		Expect(refused.Asked.Label).To(Equal("enabled"))
		Expect(refused.Asked.Status).To(Equal(AskedRefused))
		Expect(refused.Asked.Problems).To(ConsistOf(
			And(HaveField("Reason", injector.ReasonSourceMissing), HaveField("Object", "ConfigMap refusing/absent"), HaveField("Verdict", Warning)),
			And(HaveField("Reason", injector.ReasonKeyMissing), HaveField("Object", HavePrefix("ConfigMap refusing/corp ")))))
		Expect(refused.Asked.Facts).To(ConsistOf(And(ContainSubstring("nothing new is published"), ContainSubstring("nothing is published yet"))))
		Expect(refused.Verdict).To(Equal(before.Verdict))
		Expect(edge(refused, EdgeCustomCAs)).To(Equal(edge(before, EdgeCustomCAs)))

		state := injector.State{CertificateSecret: "keda-tls", CABundle: w.ca.CertPEM}
		Expect(state.Seal()).To(Succeed())
		object, err := state.Object(w.namespace)
		Expect(err).NotTo(HaveOccurred())
		w.create(ctx, object)
		asked := w.check(ctx).Asked
		Expect(asked.Status).To(Equal(AskedRefused))
		Expect(asked.Published).To(Equal(state.ID))
		Expect(asked.Facts).To(ConsistOf(ContainSubstring("nothing but the custom CAs waits"), ContainSubstring("the sources give state "+asked.Wanted)))

		w.ask(ctx, "enabled", map[string]string{injector.AnnotationCertificate: "secret/absent"})
		asked = w.check(ctx).Asked
		Expect(asked.Wanted).To(BeEmpty())
		Expect(asked.Facts).To(ConsistOf(And(ContainSubstring("nothing new is published"), ContainSubstring("what is published stays: state "+state.ID))))
	})

	It("is held against what is published", func(ctx context.Context) {
		w := newWorld(ctx, "asking")
		wanted := given(ctx, w)
		asked := w.check(ctx).Asked
		Expect(asked.Status).To(Equal(AskedWaiting))
		Expect(asked.Facts).To(ConsistOf(ContainSubstring("not installed"), ContainSubstring("nothing is published yet")))
		object, err := wanted.Object(w.namespace)
		Expect(err).NotTo(HaveOccurred())
		w.create(ctx, object)
		asked = w.check(ctx).Asked
		Expect(asked).To(Equal(Asked{Label: "enabled", Status: AskedPublished, Published: wanted.ID, Wanted: wanted.ID}))

		w.ask(ctx, "enabled", map[string]string{injector.AnnotationCertificate: "secret/keda-tls", injector.AnnotationCustomCA: "configmap/absent"})
		w.create(ctx, &corev1.ConfigMap{ObjectMeta: w.meta(wanted.CustomCAConfigMap), Data: map[string]string{injector.PublishedCAKey: string(w.corp.CertPEM)}})
		asked = w.check(ctx).Asked
		Expect(asked.Status).To(Equal(AskedRefused))
		Expect(asked.Wanted).To(Equal(wanted.ID), "the custom CAs stay as they were")
		Expect(asked.Facts).To(ConsistOf(And(ContainSubstring("nothing but the custom CAs waits"), ContainSubstring("what is published stays: state "+wanted.ID))))

		w.ask(ctx, "enabled", named)
		stage := wanted
		stage.CABundle = append(stage.CABundle, w.corp.CertPEM...)
		Expect(stage.Seal()).To(Succeed())
		staged, err := stage.Object(w.namespace)
		Expect(err).NotTo(HaveOccurred())
		staged.Annotations = map[string]string{injector.AnnotationTarget: wanted.ID}
		Expect(direct.Update(ctx, staged)).To(Succeed())
		asked = w.check(ctx).Asked
		Expect(asked.Status).To(Equal(AskedStaged))
		Expect(asked.Facts).To(ConsistOf(And(ContainSubstring(stage.ID), ContainSubstring(wanted.ID))))
	})

	It("is not known to who may not read all of it, and then neither refused nor published", func(ctx context.Context) {
		w := newWorld(ctx, "unread")
		w.ask(ctx, "enabled", named)
		report := w.checkAs(ctx, limited(ctx, w.namespace, "namespaces"))
		Expect(report.Asked.Status).To(Equal(AskedUnknown))
		Expect(report.Asked.Problems).To(ConsistOf(And(
			HaveField("Reason", injector.ReasonSourceForbidden), HaveField("Object", "Secret unread/keda-tls"), HaveField("Verdict", Unknown))))
		Expect(edge(report, EdgeMetrics).Verdict).To(Equal(Holds))
	})

	It("is refused where keda-trust is installed and was not granted the namespace", func(ctx context.Context) {
		w := newWorld(ctx, "ungranted")
		given(ctx, w)
		w.create(ctx, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: injector.WebhookConfigurationName}})
		asked := w.check(ctx).Asked
		Expect(asked.Status).To(Equal(AskedRefused))
		Expect(asked.Problems).To(ConsistOf(HaveField("Reason", injector.ReasonNamespaceNotGranted)))
		Expect(asked.Facts).To(ConsistOf(ContainSubstring("nothing new is published")))
		w.create(ctx, &rbacv1.RoleBinding{ObjectMeta: w.meta(injector.Name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: injector.Name}})
		Expect(w.check(ctx).Asked.Status).To(Equal(AskedWaiting))
	})

	It("is nothing without the label, whatever is still published: edges are judged by what is there", func(ctx context.Context) {
		w := newWorld(ctx, "released")
		Expect(w.check(ctx).Asked).To(Equal(Asked{Status: AskedUnmanaged}))
		published := publish(ctx, w, injector.State{
			CertificateSecret: "keda-tls", CABundle: w.ca.CertPEM, CustomCAConfigMap: injector.PublishedCAPrefix + "0123456789", CustomCADir: "/custom/ca",
		})
		Expect(edge(w.check(ctx), EdgeCustomCAs).Verdict).To(Equal(Broken), "it is not mounted")

		w.ask(ctx, "", nil)
		for _, released := range []string{"", "true"} {
			published.Annotations = map[string]string{injector.AnnotationReleased: released}
			Expect(direct.Update(ctx, published)).To(Succeed())
			report := w.check(ctx)
			Expect(report.Asked.Status).To(Equal(AskedUnmanaged))
			Expect(report.Asked.Facts).To(ConsistOf(ContainSubstring("it lost its label")))
			Expect(edge(report, EdgeCustomCAs).Verdict).To(Equal(Holds))
		}
		w.ask(ctx, "enabled", named)
		report := w.check(ctx)
		Expect(report.Asked.Status).To(Equal(AskedWaiting))
		Expect(report.Asked.Published).To(BeEmpty())
		Expect(report.Asked.Facts).To(ContainElement(ContainSubstring("since the label was taken away")))
		Expect(edge(report, EdgeCustomCAs).Verdict).To(Equal(Holds), "nobody carries out what was left behind")
		w.ask(ctx, "yes", nil)
		Expect(w.check(ctx).Asked.Problems).To(ConsistOf(HaveField("Reason", injector.ReasonOptionInvalid)))
	})
})
