package cabundle

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

type vwc = admissionregistrationv1.ValidatingWebhookConfiguration

// writes are those that were counted, by reason.
func (k *keda) writes() map[string]float64 {
	GinkgoHelper()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(writes)).To(Succeed())
	families, err := registry.Gather() // none as long as nobody has written
	Expect(err).NotTo(HaveOccurred())
	out := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() { // its labels are sorted by name
			if labels := metric.GetLabel(); labels[0].GetValue() == k.namespace {
				out[labels[1].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	return out
}

func (k *keda) written(reason injector.Reason) int {
	return int(testutil.ToFloat64(writes.WithLabelValues(k.namespace, string(reason))))
}

// both are the caBundles of two webhooks that have the same one.
func both(pem []byte) []string { return []string{string(pem), string(pem)} }

var _ = Describe("KEDA's webhooks", func() {
	var (
		k          *keda
		ca, second certtest.CA
	)
	BeforeEach(func(ctx context.Context) {
		ca, second = certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		k = newKEDA(ctx)
	})

	It("get the caBundle of the state in one write, and no other", func(ctx context.Context) {
		state := k.publishCA(ctx, ca)
		Expect(k.look(ctx)).To(Equal(recheck))
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
		Expect(k.wire.since()).To(HaveLen(1))
		Expect(k.written(injector.ReasonInjected)).To(Equal(1))
		Expect(k.told()).To(HaveExactElements(
			// of the Namespace, and of the object
			And(HavePrefix("Normal Injected"), ContainSubstring("vscaledobject.kb.io, vscaledjob.kb.io is that of the published state "+state.ID)),
			HavePrefix("Normal Injected")))

		before := k.stored(ctx)
		k.look(ctx)
		k.restart(k.namespace)
		k.look(ctx)
		Expect(k.wire.since()).To(BeEmpty(), "nothing differs, so nothing is written, nor by another leader")
		Expect(k.stored(ctx).ResourceVersion).To(Equal(before.ResourceVersion))
		Expect(k.told()).To(BeEmpty())
	})

	It("follow the state, one write a change", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.look(ctx)
		k.wire.since()
		generation := k.stored(ctx).Generation
		for _, cas := range [][]certtest.CA{{ca, second}, {second}} {
			state := k.publishCA(ctx, cas...)
			k.look(ctx)
			k.look(ctx)
			Expect(k.bundles(ctx)).To(Equal(both(state.CABundle)))
			Expect(k.wire.since()).To(HaveLen(1))
			generation++
			Expect(k.stored(ctx).Generation).To(Equal(generation))
		}
		k.publish(ctx, injector.State{CertificateSecret: injector.PublishedSecret, CABundle: second.CertPEM, CertDir: "/elsewhere"})
		k.told()
		k.look(ctx)
		Expect(k.wire.since()).To(BeEmpty(), "what the state has beside the caBundle is nothing to this object")
		Expect(k.told()).To(BeEmpty())
	})

	It("are written by name, with the resourceVersion, and nothing else is", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		read := k.stored(ctx)
		k.look(ctx)
		sent := k.wire.since()
		Expect(sent).To(HaveLen(1))
		body, isStrategic := strings.CutPrefix(sent[0], "PATCH application/strategic-merge-patch+json ")
		Expect(isStrategic).To(BeTrue(), "%.80s", sent[0])
		var patch map[string]any
		Expect(json.Unmarshal([]byte(body), &patch)).To(Succeed())
		bundle := map[string]any{"caBundle": any(base64Of(ca.CertPEM))}
		Expect(patch).To(Equal(map[string]any{
			"metadata": map[string]any{
				"resourceVersion": read.ResourceVersion,
				"annotations":     map[string]any{injector.AnnotationInjected: k.stored(ctx).Annotations[injector.AnnotationInjected]},
			},
			"webhooks":                  []any{map[string]any{"name": hooks[0], "clientConfig": bundle}, map[string]any{"name": hooks[1], "clientConfig": bundle}},
			"$setElementOrder/webhooks": []any{map[string]any{"name": hooks[0]}, map[string]any{"name": hooks[1]}},
		}))
		var ours []string
		for _, entry := range k.stored(ctx).ManagedFields {
			if entry.Manager == injector.Name {
				ours = append(ours, string(entry.Operation)+" "+entry.FieldsV1.GetRawString())
			}
		}
		Expect(ours).To(HaveExactElements(And(HavePrefix("Update "), ContainSubstring("f:caBundle"), Not(ContainSubstring("f:service")), Not(ContainSubstring("f:rules")))))
	})

	It("keep the fields that our types do not know", func(ctx context.Context) {
		condition := []admissionregistrationv1.MatchCondition{{Name: "new", Expression: "true"}}
		k.edit(ctx, "helm", func(v *vwc) {
			for i := range v.Webhooks {
				v.Webhooks[i].MatchConditions = condition
			}
		})
		// A build that is too old to know of matchConditions.
		forget := func(object client.Object) {
			if v, isVWC := object.(*vwc); isVWC {
				for i := range v.Webhooks {
					v.Webhooks[i].MatchConditions = nil
				}
			}
		}
		k.use(interceptor.NewClient(direct, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
				defer forget(object)
				return c.Get(ctx, key, object, o...)
			},
		}), k.namespace)
		k.publishCA(ctx, ca)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
		for _, webhook := range k.stored(ctx).Webhooks {
			Expect(webhook.MatchConditions).To(Equal(condition))
		}
	})

	It("are not written where somebody changes them meanwhile, and the right ones are the next time", func(ctx context.Context) {
		meanwhile := func() {
			k.edit(ctx, "helm", func(v *vwc) {
				slices.Reverse(v.Webhooks)
				url := admissionregistrationv1.WebhookClientConfig{URL: new("https://example.com")}
				theirs := k.hook("theirs.example.com")
				theirs.ClientConfig = url
				v.Webhooks = slices.Insert(v.Webhooks, 0, theirs)
			})
		}
		k.use(interceptor.NewClient(direct, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
				if meanwhile != nil {
					meanwhile()
				}
				meanwhile = nil
				return c.Patch(ctx, object, patch, o...)
			},
		}), k.namespace)
		k.publishCA(ctx, ca)
		_, err := k.reconcile(ctx)
		Expect(apierrors.IsConflict(err)).To(BeTrue(), "%v", err)
		Expect(k.bundles(ctx)).To(Equal([]string{"", "", ""}))
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal([]string{"", string(ca.CertPEM), string(ca.CertPEM)}), "a webhook that is an URL is none of KEDA's")
	})

	It("that an upgrade adds get it too", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.look(ctx)
		k.told()
		k.edit(ctx, "helm", func(v *vwc) { v.Webhooks = append(v.Webhooks, k.hook("vstriggerauthentication.kb.io")) })
		k.look(ctx)
		Expect(k.bundles(ctx)).To(HaveLen(3))
		Expect(k.bundles(ctx)).To(HaveEach(string(ca.CertPEM)))
		Expect(k.told()).To(HaveEach(And(HavePrefix("Normal Injected"), ContainSubstring("of vstriggerauthentication.kb.io is"))))
	})

	It("are not created", func(ctx context.Context) {
		Expect(direct.Delete(ctx, k.manifest())).To(Succeed())
		k.publishCA(ctx, ca)
		k.look(ctx)
		Expect(k.wire.since()).To(BeEmpty())
	})

	DescribeTable("are given back as they were", func(ctx context.Context, prepare func(context.Context), why injector.Reason) {
		k.edit(ctx, "helm", func(v *vwc) { v.Webhooks[1].ClientConfig.CABundle = second.CertPEM })
		k.publishCA(ctx, ca)
		k.look(ctx)
		k.wire.since()
		k.told()
		prepare(ctx)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal([]string{"", string(second.CertPEM)}))
		Expect(k.stored(ctx).Annotations).To(BeEmpty())
		Expect(k.told()).To(HaveEach(And(HavePrefix("Normal Uninjected "), HaveSuffix(": "+why.Sentence()))))
		k.look(ctx)
		Expect(k.wire.since()).To(HaveLen(1))
		Expect(k.writes()).To(Equal(map[string]float64{"Injected": 1, "Uninjected": 1}), "each for what was done")
	},
		Entry("when the namespace is disabled", func(ctx context.Context) { k.label(ctx, "disabled") }, injector.ReasonUninjected),
		Entry("also where it is no longer granted", func(ctx context.Context) {
			k.label(ctx, "disabled")
			bodies := k.wire
			k.restart("elsewhere")
			bodies.since()
		}, injector.ReasonUninjected),
		Entry("when the object is opted out", func(ctx context.Context) {
			k.edit(ctx, "kubectl", func(v *vwc) { v.Labels = map[string]string{injector.LabelInject: "disabled"} })
		}, injector.ReasonOptedOut),
	)

	It("stay as they are when the namespace is released", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.look(ctx)
		k.wire.since()
		k.label(ctx, "")
		k.look(ctx)
		Expect(k.wire.since()).To(BeEmpty())
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
	})

	It("are told of where the right is missing", func(ctx context.Context) {
		weak := rest.CopyConfig(config)
		weak.Impersonate.UserName = "reader-of-" + k.namespace
		allowReading(ctx, weak.Impersonate.UserName)
		k.use(clientOf(weak), k.namespace)
		k.publishCA(ctx, ca)
		for range 2 {
			_, err := k.reconcile(ctx)
			Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		}
		Expect(k.told()).To(HaveExactElements(And(HavePrefix("Warning CABundleNotGranted"), ContainSubstring("ClusterRole keda-trust")), HavePrefix("Warning CABundleNotGranted")))
	})
})

func base64Of(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

func allowReading(ctx context.Context, user string) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Name: user}
	Expect(direct.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "admissionregistration.k8s.io"}, Resources: []string{"*"}, Verbs: []string{"get"}},
	}})).To(Succeed())
	Expect(direct.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
}
