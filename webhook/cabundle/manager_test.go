package cabundle

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// patience is how long a running manager may take on a busy machine.
const patience = 20 * time.Second

var _ = It("A running manager follows state, label and object, with a cache that has no managedFields", func(ctx context.Context) {
	first, second, theirs := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second"), certtest.NewCA(GinkgoTB(), "Theirs")
	k := newKEDA(ctx)
	k.label(ctx, "")
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: clientgoscheme.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(SetupWithManager(mgr, Options{Namespaces: []string{k.namespace}})).To(Succeed())
	life, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(life) }()
	DeferCleanup(func() {
		end()
		Eventually(ended, patience).Should(Receive(BeNil()))
	})

	k.label(ctx, "enabled")
	k.publishCA(ctx, first)
	Eventually(k.bundles, patience).WithContext(ctx).Should(Equal(both(first.CertPEM)))
	k.publishCA(ctx, second)
	Eventually(k.bundles, patience).WithContext(ctx).Should(Equal(both(second.CertPEM)))
	Expect(k.written(injector.ReasonInjected)).To(Equal(2))

	k.rebundle(ctx, "keda", theirs.CertPEM)
	Eventually(k.bundles, patience).WithContext(ctx).Should(Equal(both(second.CertPEM)))
	notes := func(ctx context.Context, namespace string) []string {
		list := &corev1.EventList{}
		Expect(direct.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
		var out []string
		for _, event := range list.Items {
			out = append(out, event.InvolvedObject.Kind+" "+event.Reason+" "+event.Message)
		}
		return out
	}
	restored := HaveSuffix(`who last wrote that of vscaledobject.kb.io, vscaledjob.kb.io: field manager "keda" (operation Update)`)
	Eventually(notes, patience).WithContext(ctx).WithArguments(k.namespace).Should(ContainElement(And(HavePrefix("Namespace CABundleRestored"), restored)))
	Eventually(notes, patience).WithContext(ctx).WithArguments(metav1.NamespaceDefault).Should(ContainElement(And(HavePrefix("ValidatingWebhookConfiguration CABundleRestored"), restored)))

	Expect(direct.Delete(ctx, k.manifest())).To(Succeed())
	Expect(as("helm").Create(ctx, k.manifest())).To(Succeed())
	Eventually(k.bundles, patience).WithContext(ctx).Should(Equal(both(second.CertPEM)))

	k.label(ctx, "disabled")
	Eventually(k.bundles, patience).WithContext(ctx).Should(Equal(both(nil)))
})
