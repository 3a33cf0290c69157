package rollout_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/serving"
)

var (
	environment *envtest.Environment
	config      *rest.Config
	scheme      = runtime.NewScheme()
	// direct is an admin whom admission answers, past one whom it does not, as
	// everybody while the webhook is down.
	direct, past client.WithWatch
	// free are names of namespaces that the webhook was granted and no spec has
	// taken.
	free []string
)

const pastAdmission = "past-admission"

func TestRollout(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "From the published state to what is in the cluster")
}

var _ = BeforeSuite(func(ctx context.Context) {
	ctrl.SetLogger(GinkgoLogr)
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(apiregistrationv1.AddToScheme(scheme)).To(Succeed())
	environment = clustertest.Start(GinkgoTB())
	config = environment.Config
	direct = clientOf(config)
	past = as(pastAdmission, "system:masters")
	for i := range 80 {
		free = append(free, fmt.Sprintf("keda-%d", i))
	}
	Expect(direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: injector.Name}})).To(Succeed())
	somebodyElseLeads(ctx)
	serveWebhook(ctx)
})

func clientOf(c *rest.Config) client.WithWatch {
	GinkgoHelper()
	made, err := client.NewWithWatch(c, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return made
}

func as(user string, groups ...string) client.WithWatch {
	GinkgoHelper()
	c := rest.CopyConfig(config)
	c.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return clientOf(c)
}

// somebodyElseLeads, so that the process that serves admission runs no
// controllers beside those that the specs call.
func somebodyElseLeads(ctx context.Context) {
	GinkgoHelper()
	now := metav1.NewMicroTime(time.Now())
	Expect(direct.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: injector.Name, Name: injector.LeaderElectionID},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("somebody else"), LeaseDurationSeconds: new(int32(86400)), AcquireTime: &now, RenewTime: &now},
	})).To(Succeed())
}

// serveWebhook runs the webhook as the command does, until the suite ends.
func serveWebhook(ctx context.Context) {
	GinkgoHelper()
	port := clustertest.FreePort(GinkgoTB())
	configuration := clustertest.WebhookConfiguration(GinkgoTB(), fmt.Sprintf("https://127.0.0.1:%d", port))
	for i := range configuration.Webhooks {
		w := &configuration.Webhooks[i]
		w.MatchConditions = append(w.MatchConditions, admissionregistrationv1.MatchCondition{
			Name: pastAdmission, Expression: "request.userInfo.username != '" + pastAdmission + "'",
		})
		w.FailurePolicy = new(admissionregistrationv1.Fail)
	}
	Expect(direct.Create(ctx, configuration)).To(Succeed())
	o := webhook.Options{
		Serving:        serving.Options{Namespace: injector.Name, Hosts: []string{"127.0.0.1"}},
		Port:           port,
		MetricsAddress: "0",
		HealthAddress:  fmt.Sprintf("127.0.0.1:%d", clustertest.FreePort(GinkgoTB())),
		KEDANamespaces: free,
		LeaderElection: true,
	}
	life, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- webhook.Run(life, config, o) }()
	DeferCleanup(func() {
		end()
		Eventually(ended).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
	})
	Eventually(func() (int, error) {
		response, err := http.Get("http://" + o.HealthAddress + "/readyz")
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}).WithTimeout(60 * time.Second).Should(Equal(http.StatusOK))
}
