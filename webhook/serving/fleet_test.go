package serving

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// fleet is replicas of a webhook that allows everything, behind a balancer that
// follows their readiness as a Service does.
type fleet struct {
	installation
	balancer *balancer
	user     *rest.Config
	options  func(*Options)
	// fresh makes every call end its connection, so that each is a handshake. It
	// is HTTP/1.1 then: a stream that is begun while an HTTP/2 connection is told
	// to go away can be lost on a busy machine, which is nobody's fault here.
	fresh bool

	mu       sync.Mutex
	members  []*member
	calls    atomic.Int64
	stopPoll context.CancelFunc
	polling  sync.WaitGroup
}

// member is one replica: a manager of its own in this process.
type member struct {
	certificate *Certificate
	address     string
	elected     <-chan struct{}
	underWay    atomic.Int64
	cancel      context.CancelFunc
	ended       chan error
}

func newFleet(ctx context.Context, fresh bool, options func(*Options)) *fleet {
	GinkgoHelper()
	b := newBalancer()
	f := &fleet{balancer: b, options: options, fresh: fresh, installation: install(ctx, "https://"+b.address()+"/mutate")}
	f.user = f.restrictedUser(ctx)
	polls, stop := context.WithCancel(context.Background())
	f.stopPoll = stop
	f.polling.Go(func() { f.followReadiness(polls) })
	DeferCleanup(f.stop)
	began := time.Now()
	for range 3 {
		f.start()
	}
	Eventually(f.ready).WithTimeout(20 * time.Second).Should(HaveLen(3))
	AddReportEntry("three replicas ready after", time.Since(began).String())
	return f
}

// start adds a replica and returns it before it is ready.
func (f *fleet) start() *member {
	GinkgoHelper()
	port := clustertest.FreePort(GinkgoTB())
	m := &member{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ended: make(chan error, 1)}
	opts := f.installation.options()
	opts.Address, opts.Hosts = m.address, []string{"127.0.0.1"}
	f.options(&opts)
	var err error
	m.certificate, err = New(opts)
	Expect(err).NotTo(HaveOccurred())
	manager := f.newManager(port, m.certificate)
	Expect(m.certificate.SetupWithManager(manager)).To(Succeed())
	manager.GetWebhookServer().Register("/mutate", f.handler(m))
	m.elected = manager.Elected()

	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() { m.ended <- manager.Start(ctx) }()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, m)
	return m
}

func (f *fleet) newManager(port int, certificate *Certificate) ctrl.Manager {
	GinkgoHelper()
	lease, renew, retry, yes := 6*time.Second, 4*time.Second, 500*time.Millisecond, true
	manager, err := ctrl.NewManager(f.user, ctrl.Options{
		Scheme:                  scheme.Scheme,
		Metrics:                 server.Options{BindAddress: "0"},
		LeaderElection:          true,
		LeaderElectionID:        f.configuration,
		LeaderElectionNamespace: f.namespace,
		LeaseDuration:           &lease,
		RenewDeadline:           &renew,
		RetryPeriod:             &retry,
		Controller:              ctrlconfig.Controller{SkipNameValidation: &yes},
		WebhookServer:           webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: f.tlsOpts(certificate)}),
	})
	Expect(err).NotTo(HaveOccurred())
	return manager
}

func (f *fleet) handler(m *member) http.Handler {
	allow := &webhook.Admission{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		return admission.Allowed("")
	})}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.underWay.Add(1)
		defer m.underWay.Add(-1)
		f.calls.Add(1)
		if f.fresh {
			w.Header().Set("Connection", "close")
		}
		allow.ServeHTTP(w, r)
	})
}

// followReadiness is the kubelet and the endpoints controller.
func (f *fleet) followReadiness(ctx context.Context) {
	for ctx.Err() == nil {
		f.balancer.set(f.ready())
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (f *fleet) ready() []string {
	f.mu.Lock()
	members := slices.Clone(f.members)
	f.mu.Unlock()
	var addresses []string
	for _, m := range members {
		if m.ready() {
			addresses = append(addresses, m.address)
		}
	}
	return addresses
}

func (m *member) ready() bool {
	request, err := http.NewRequest(http.MethodGet, "/readyz", nil)
	return err == nil && m.certificate.Ready(request) == nil
}
