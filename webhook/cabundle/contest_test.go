package cabundle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// apply is what a GitOps controller does: server-side apply of KEDA's manifest as
// a chart renders it that has the field, and leaves it empty.
func (k *keda) apply(ctx context.Context, manager string) {
	GinkgoHelper()
	k.applyBundle(ctx, manager, nil)
}

func (k *keda) applyBundle(ctx context.Context, manager string, pem []byte) {
	GinkgoHelper()
	rendered := k.manifest()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(rendered)
	Expect(err).NotTo(HaveOccurred())
	unstructured.RemoveNestedField(raw, "metadata", "creationTimestamp")
	for _, webhook := range raw["webhooks"].([]any) {
		Expect(unstructured.SetNestedField(webhook.(map[string]any), base64Of(pem), "clientConfig", "caBundle")).To(Succeed())
	}
	Expect(direct.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: raw}), client.FieldOwner(manager), client.ForceOwnership)).To(Succeed())
}

// only are the Events of that reason, each once: those of the object repeat those
// of the Namespace.
func only(reason injector.Reason, told []string) []string {
	var out []string
	for i, event := range told {
		if i%2 == 0 && strings.Contains(event, " "+string(reason)+" ") {
			out = append(out, event)
		}
	}
	return out
}

func (k *keda) contested() float64 {
	return testutil.ToFloat64(contested.WithLabelValues(k.namespace))
}

var _ = Describe("a caBundle that another writer replaces", func() {
	var (
		k          *keda
		ca, theirs certtest.CA
	)
	BeforeEach(func(ctx context.Context) {
		ca, theirs = certtest.NewCA(GinkgoTB(), "Ours"), certtest.NewCA(GinkgoTB(), "Theirs")
		k = newKEDA(ctx)
		k.publishCA(ctx, ca)
		k.look(ctx)
		k.wire.since()
		k.told()
	})

	const nobody = "who last wrote that of vscaledobject.kb.io, vscaledjob.kb.io: not known, for managedFields name nobody else for it"
	of := func(writer string) string {
		return "who last wrote that of vscaledobject.kb.io, vscaledjob.kb.io: " + writer
	}

	DescribeTable("once is put back at once, without a word of a contest", func(ctx context.Context, replace func(context.Context), who string) {
		replace(ctx)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
		Expect(k.written(injector.ReasonBundleRestored)).To(Equal(1))
		told := k.told()
		Expect(only(injector.ReasonBundleRestored, told)).To(HaveExactElements(And(HavePrefix("Normal "), HaveSuffix("; "+who))))
		Expect(only(injector.ReasonBundleContested, told)).To(BeEmpty())
		Expect(k.contested()).To(BeZero())
	},
		Entry("by an installer that restates the whole object", func(ctx context.Context) {
			k.edit(ctx, "helm", func(v *vwc) {
				v.Annotations, v.Webhooks = nil, k.manifest().Webhooks
			})
		}, nobody+`; others who wrote the object are field manager "helm" (operation Update)`),
		Entry("by an installer that makes it anew", func(ctx context.Context) {
			Expect(direct.Delete(ctx, k.manifest())).To(Succeed())
			k.look(ctx)
			Expect(as("kubectl-create").Create(ctx, k.manifest())).To(Succeed())
		}, nobody+`; others who wrote the object are field manager "kubectl-create" (operation Update)`),
		Entry("by one who takes the field out, and whom managedFields do not name at all", func(ctx context.Context) {
			remove := `[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"},{"op":"remove","path":"/webhooks/1/clientConfig/caBundle"}]`
			Expect(as("kubectl-patch").Patch(ctx, k.manifest(), client.RawPatch(types.JSONPatchType, []byte(remove)))).To(Succeed())
		}, nobody+`; others who wrote the object are field manager "helm" (operation Update)`),
		Entry("by two who apply the same", func(ctx context.Context) {
			k.applyBundle(ctx, "argocd-controller", theirs.CertPEM)
			k.applyBundle(ctx, "kustomize-controller", theirs.CertPEM)
		}, of(`not known, for managedFields name several for it: field manager "argocd-controller" (operation Apply), field manager "kustomize-controller" (operation Apply)`)),
		Entry("by server-side apply", func(ctx context.Context) { k.apply(ctx, "argocd-controller") }, of(`field manager "argocd-controller" (operation Apply)`)),
		Entry("by KEDA's own rotation", func(ctx context.Context) { k.rebundle(ctx, "keda", theirs.CertPEM) }, of(`field manager "keda" (operation Update)`)),
		Entry("by another for each webhook", func(ctx context.Context) {
			k.edit(ctx, "one", func(v *vwc) { v.Webhooks[0].ClientConfig.CABundle = theirs.CertPEM })
			k.edit(ctx, "other", func(v *vwc) { v.Webhooks[1].ClientConfig.CABundle = theirs.CertPEM })
		}, `who last wrote that of vscaledobject.kb.io: field manager "one" (operation Update); who last wrote that of vscaledjob.kb.io: field manager "other" (operation Update)`),
	)

	It("each minute for an hour is put back each time, and told once, and again before it would be forgotten", func(ctx context.Context) {
		const minutes = 60
		var told []string
		for range minutes {
			k.apply(ctx, "argocd-controller")
			k.look(ctx)
			k.look(ctx)
			Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
			told = append(told, k.told()...)
			k.now = k.now.Add(time.Minute)
		}
		Expect(k.wire.since()).To(HaveLen(minutes), "one write for one of theirs")
		Expect(only(injector.ReasonBundleContested, told)).To(HaveLen(2))
		Expect(only(injector.ReasonBundleContested, told)).To(HaveEach(And(HavePrefix("Warning "), HaveSuffix(`: field manager "argocd-controller" (operation Apply)`))))
		Expect(k.contested()).To(Equal(1.0))

		again := k.look(ctx)
		Expect(again).To(BeNumerically("~", contestedWindow-contestedTimes*time.Minute, time.Second), "when it will have been calm for long enough")
		k.now = k.now.Add(again)
		Expect(k.look(ctx)).To(Equal(recheck))
		Expect(k.contested()).To(BeZero())
		Expect(k.told()).To(BeEmpty())

		for range contestedTimes {
			k.apply(ctx, "argocd-controller")
			k.look(ctx)
		}
		Expect(only(injector.ReasonBundleContested, k.told())).To(HaveLen(1), "another episode")
	})

	It("whenever it is put back is put back three times, and then once a minute", func(ctx context.Context) {
		const minutes = 10
		var told []string
		for end := k.now.Add(minutes * time.Minute); k.now.Before(end); k.now = k.now.Add(5 * time.Second) {
			if !slices.Contains(k.bundles(ctx), string(theirs.CertPEM)) {
				k.rebundle(ctx, "keda", theirs.CertPEM)
			}
			wait := k.look(ctx)
			told = append(told, k.told()...)
			Expect(wait).To(BeNumerically("<=", contestedWindow))
		}
		Expect(len(k.wire.since())).To(BeNumerically("~", repairStock+minutes, 1))
		Expect(only(injector.ReasonBundleContested, told)).To(HaveExactElements(HaveSuffix(`: field manager "keda" (operation Update)`)))
		Expect(k.contested()).To(Equal(1.0))
	})

	It("is looked at again when it may be put back", func(ctx context.Context) {
		for range repairStock {
			k.rebundle(ctx, "keda", theirs.CertPEM)
			k.look(ctx)
		}
		k.rebundle(ctx, "keda", theirs.CertPEM)
		k.now = k.now.Add(20 * time.Second)
		wait := k.look(ctx)
		Expect(wait).To(BeNumerically("~", 40*time.Second, time.Second))
		Expect(k.bundles(ctx)).To(Equal(both(theirs.CertPEM)))
		k.now = k.now.Add(wait)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
	})

	It("gets another state at once, also when no repair is left", func(ctx context.Context) {
		for range repairStock + 1 {
			k.rebundle(ctx, "keda", theirs.CertPEM)
			k.look(ctx)
		}
		Expect(k.bundles(ctx)).To(Equal(both(theirs.CertPEM)), "none is left")
		next := certtest.NewCA(GinkgoTB(), "Next")
		k.publishCA(ctx, next)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal(both(next.CertPEM)))
	})

	It("by two names both, each once, though they take turns", func(ctx context.Context) {
		var told []string
		for i := range 8 {
			k.rebundle(ctx, []string{"keda", "cert-manager-cainjector"}[i%2], theirs.CertPEM)
			k.look(ctx)
			told = append(told, k.told()...)
			k.now = k.now.Add(time.Minute)
		}
		Expect(only(injector.ReasonBundleContested, told)).To(ConsistOf(ContainSubstring(`"keda"`), ContainSubstring(`"cert-manager-cainjector"`)))
	})

	It("by nobody who can be known is told without a name for it, beside one who can", func(ctx context.Context) {
		for _, replace := range []func(){
			func() { k.edit(ctx, "helm", func(v *vwc) { v.Webhooks = k.manifest().Webhooks }) },
			func() { k.rebundle(ctx, "keda", theirs.CertPEM) },
			func() { k.rebundle(ctx, "keda", theirs.CertPEM) },
		} {
			replace()
			k.look(ctx)
		}
		Expect(only(injector.ReasonBundleContested, k.told())).To(ConsistOf(
			HaveSuffix(`: field manager "keda" (operation Update)`),
			HaveSuffix(`: not known, for managedFields name nobody else for it; others who wrote the object are field manager "helm" (operation Update)`)))
	})

	It("is told of those webhooks that were replaced, and not of one that is new", func(ctx context.Context) {
		k.edit(ctx, "helm", func(v *vwc) {
			v.Webhooks[0].ClientConfig.CABundle = theirs.CertPEM
			v.Webhooks = append(v.Webhooks, k.hook("vstriggerauthentication.kb.io"))
		})
		k.look(ctx)
		Expect(only(injector.ReasonBundleRestored, k.told())).To(HaveExactElements(
			And(ContainSubstring("of vscaledobject.kb.io, vstriggerauthentication.kb.io is that of the published state"), ContainSubstring("that of vscaledobject.kb.io was replaced"))))
	})

	It("is known for replaced by a new leader too, from the object's record", func(ctx context.Context) {
		k.rebundle(ctx, "keda", theirs.CertPEM)
		k.restart(k.namespace)
		for range repairStock {
			k.look(ctx)
			k.rebundle(ctx, "keda", theirs.CertPEM)
		}
		k.look(ctx)
		Expect(k.wire.since()).To(HaveLen(repairStock))
		Expect(only(injector.ReasonBundleContested, k.told())).To(HaveLen(1))
	})

	It("with a record that is restored again and again is taken out a bounded number of times", func(ctx context.Context) {
		exported := k.stored(ctx)
		k.label(ctx, "disabled")
		for range 10 {
			k.look(ctx)
			k.edit(ctx, "kubectl", func(v *vwc) { v.Annotations, v.Webhooks = exported.Annotations, exported.Webhooks })
		}
		Expect(k.wire.since()).To(HaveLen(1 + repairStock))
	})

	It("in vain, since nothing differs then, is no contest", func(ctx context.Context) {
		for range 10 {
			k.rebundle(ctx, "keda", ca.CertPEM)
			k.look(ctx)
		}
		Expect(k.wire.since()).To(BeEmpty())
		Expect(k.told()).To(BeEmpty())
	})

	It("costs nothing by a write that fails", func(ctx context.Context) {
		failures := 2 * repairStock
		k.use(interceptor.NewClient(direct, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
				if failures--; failures >= 0 {
					return errors.New("the API server is restarting")
				}
				return c.Patch(ctx, object, patch, o...)
			},
		}), k.namespace)
		k.rebundle(ctx, "keda", theirs.CertPEM)
		for range 2 * repairStock {
			_, err := k.reconcile(ctx)
			Expect(err).To(MatchError(ContainSubstring("restarting")))
		}
		k.look(ctx)
		Expect(k.bundles(ctx)).To(Equal(both(ca.CertPEM)))
		Expect(only(injector.ReasonBundleContested, k.told())).To(BeEmpty(), "it was replaced once")
	})
})

var _ = DescribeTable("who last wrote a caBundle", func(want string, entries ...metav1.ManagedFieldsEntry) {
	Expect(authorOf(&vwc{ObjectMeta: metav1.ObjectMeta{ManagedFields: entries}}, "a").String()).To(Equal(want))
},
	Entry("is who alone has it, whoever wrote the object since", `field manager "argo" (operation Apply)`,
		entry("argo", "Apply", 1, owning("a")), entry("kubectl", "Update", 2, `{"f:metadata":{}}`), entry("keda", "Update", 3, owning("b")), entry(injector.Name, "Update", 4, owning("b"))),
	Entry("is who has it twice, by two versions of the object", `field manager "argo" (operation Apply)`,
		entry("argo", "Apply", 1, owning("a")), entry("argo", "Apply", 2, owning("a"))),
	Entry("is not known where several have it, whichever of them wrote last", `not known, for managedFields name several for it: field manager "argo" (operation Apply), field manager "keda" (operation Update)`,
		entry("keda", "Update", 2, owning("a")), entry("argo", "Apply", 1, owning("a"))),
	Entry("is not known where keda-trust has it too", `not known, for managedFields name several for it: field manager "argo" (operation Apply)`,
		entry(injector.Name, "Update", 2, owning("a")), entry("argo", "Apply", 1, owning("a"))),
	Entry("is not known where nobody has it, whoever wrote last", `not known, for managedFields name nobody else for it; others who wrote the object are field manager "argo" (operation Apply), field manager "helm" (operation Update)`,
		entry("helm", "Update", 2, owning("c")), entry("argo", "Apply", 1, `{"f:webhooks":{}}`)),
	Entry("is not known where one entry may have it, and cannot be read", `not known, for managedFields are of a format that this version cannot read; they name field manager "argo" (operation Apply), field manager "next" (operation Update)`,
		entry("argo", "Apply", 2, owning("a")), entry("next", "Update", 1, `["v2"]`)),
	Entry("is not known where nobody else is named", "not known, for managedFields name nobody else for it", entry(injector.Name, "Update", 1, owning("a"))),
)

func owning(webhook string) string {
	return fmt.Sprintf(`{"f:webhooks":{"k:{\"name\":\"%s\"}":{".":{},"f:clientConfig":{"f:caBundle":{}}}}}`, webhook)
}

func entry(manager string, operation metav1.ManagedFieldsOperationType, minute int, fields string) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(time.Date(2026, 11, 1, 0, minute, 0, 0, time.UTC))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}
