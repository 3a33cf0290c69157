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
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// fleet is replicas of a webhook that allows everything, behind a balancer that
// follows their readiness as a Service does.
type fleet struct {
	installation
	balancer *balancer
	user     *rest.Config
	options  func(*Options)
	// fresh makes every call end its connection, so that each is a handshake.
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

// restrictedUser has the least rights that are enough: all on resourceNames but
// the creation, which has no name yet.
func (f *fleet) restrictedUser(ctx context.Context) *rest.Config {
	GinkgoHelper()
	user, err := environment.AddUser(envtest.User{Name: f.namespace}, nil)
	Expect(err).NotTo(HaveOccurred())
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: f.namespace}}
	meta := metav1.ObjectMeta{Namespace: f.namespace, Name: f.namespace}
	opts := f.installation.options()
	Expect(direct.Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{opts.SecretName}, Verbs: []string{"list", "watch", "update"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}},
		{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
		{APIGroups: []string{"events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
		{APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
	}})).To(Succeed())
	Expect(direct.Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{Kind: "Role", Name: f.namespace}})).To(Succeed())
	meta.Namespace = ""
	Expect(direct.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"mutatingwebhookconfigurations"},
		ResourceNames: []string{f.configuration}, Verbs: []string{"list", "watch", "patch"},
	}}})).To(Succeed())
	Expect(direct.Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: f.namespace}})).To(Succeed())
	return user.Config()
}

// start adds a replica and returns it before it is ready.
func (f *fleet) start() *member {
	GinkgoHelper()
	port := freePort()
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
		WebhookServer:           webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: tlsOpts(certificate)}),
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

// terminate is a SIGTERM: unready, on with serving, stopped.
func (f *fleet) terminate(m *member) {
	GinkgoHelper()
	m.certificate.Drain()
	Eventually(f.endpoints).ShouldNot(ContainElement(m.address))
	f.forget(m)
	m.cancel()
	Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive(Not(HaveOccurred())))
}

// kill is a SIGKILL at a moment that is likely without a call under way: such a
// call is lost, and nothing that the webhook does could save it. The lease is
// not released. It returns the moment at which the connections were cut.
func (f *fleet) kill(m *member) time.Time {
	GinkgoHelper()
	f.forget(m)
	f.balancer.set(f.ready())
	Eventually(m.underWay.Load).WithPolling(100 * time.Microsecond).Should(BeZero())
	cut := time.Now()
	f.balancer.reset(m.address)
	m.cancel()
	Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive())
	return cut
}

func (f *fleet) forget(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = slices.DeleteFunc(f.members, func(other *member) bool { return other == m })
}

func (f *fleet) endpoints() []string {
	f.balancer.mu.Lock()
	defer f.balancer.mu.Unlock()
	return f.balancer.endpoints
}

func (f *fleet) leader() *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		select {
		case <-m.elected:
			return m
		default:
		}
	}
	return nil
}

func (f *fleet) stop() {
	GinkgoHelper()
	f.stopPoll()
	f.polling.Wait()
	for _, m := range f.members {
		m.cancel()
		Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive(Not(HaveOccurred())))
	}
	f.balancer.stop()
}
