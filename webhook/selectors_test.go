package webhook

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("The selectors of install.yaml", Serial, func() {
	var p *process
	BeforeEach(func(ctx context.Context) {
		p = startReady(ctx, "selected")
	})

	It("call for the Deployments of a labelled namespace and for KEDA's APIService, and for nothing else", func(ctx context.Context) {
		relabel(ctx, metav1.NamespaceSystem)
		relabel(ctx, injector.Name)
		// The API server learns of Namespaces in order, so once it calls for this
		// one it knows those two.
		apply(ctx, labelled("unselected", "", nil), labelled("selected", "enabled", nil))
		Eventually(func() int { return callsFor(ctx, kedaIn("selected").operator) }).Should(Equal(1))

		By("Deployments of other namespaces, labelled or not")
		for _, name := range []string{"unselected", metav1.NamespaceSystem, injector.Name} {
			Expect(callsFor(ctx, kedaIn(name).operator)).To(BeZero(), name)
		}
		By("APIServices")
		Expect(callsFor(ctx, kedaIn("selected").apiService)).To(Equal(1))
		Expect(callsFor(ctx, anotherAPIService())).To(BeZero(), "another name")
		automanaged := kedaIn("selected").apiService
		automanaged.Labels = map[string]string{"kube-aggregator.kubernetes.io/automanaged": "true"}
		Expect(callsFor(ctx, automanaged)).To(BeZero(), "the API server's own")
	})

	It("let every other APIService be written with Fail and no process", func(ctx context.Context) {
		p.end()
		Expect(direct.Create(ctx, kedaIn("selected").apiService, client.DryRunAll)).To(MatchError(ContainSubstring(injector.WebhookAPIServices)), "KEDA's own shows that Fail fails")
		another := anotherAPIService()
		apply(ctx, another)
		edit(ctx, another, func() { another.Spec.VersionPriority++ })
	})
})

// callsFor is how often keda-trust is asked about a creation, which is a dry run.
func callsFor(ctx context.Context, object client.Object) int {
	GinkgoHelper()
	before := calls()
	Expect(direct.Create(ctx, object, client.DryRunAll)).To(Succeed())
	return calls() - before
}

// calls is how often this process was asked, whatever it answered.
func calls() int {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() == "keda_trust_admission_duration_seconds" {
			return int(family.GetMetric()[0].GetHistogram().GetSampleCount())
		}
	}
	Fail("the metric is not there")
	return 0
}

func anotherAPIService() *apiregistrationv1.APIService {
	return &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: "v1.another.example.com"},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: "another.example.com", Version: "v1", GroupPriorityMinimum: 100, VersionPriority: 100, InsecureSkipTLSVerify: true,
			Service: &apiregistrationv1.ServiceReference{Namespace: "selected", Name: "another"},
		},
	}
}

// relabel opts a namespace in that others use too, for as long as the spec runs.
func relabel(ctx context.Context, name string) {
	GinkgoHelper()
	set := func(ctx context.Context, value string) {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+injector.LabelInject+`":`+value+`}}}`))
		Expect(direct.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, patch)).To(Succeed())
	}
	set(ctx, `"enabled"`)
	DeferCleanup(func(ctx context.Context) { set(ctx, "null") })
}
