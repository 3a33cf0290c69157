package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/serving"
)

// recorder keeps the warnings that came with answers of the API server.
type recorder struct {
	mu       sync.Mutex
	warnings []string
}

func (r *recorder) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, text)
}

// since empties the recorder.
func (r *recorder) since() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.warnings
	r.warnings = nil
	return all
}

// process is one keda-trust as the command starts it.
type process struct {
	options Options
	stop    context.CancelFunc
	ended   chan struct{}
	err     error
	fails   bool // as it should
}

// start runs a process for the KEDA namespaces given, without waiting.
func start(delay time.Duration, namespaces ...string) *process {
	GinkgoHelper()
	return startWith(optionsFor(delay, namespaces...))
}

func optionsFor(delay time.Duration, namespaces ...string) Options {
	GinkgoHelper()
	return Options{
		Serving:        serving.Options{Namespace: injector.Name, Hosts: []string{"127.0.0.1"}},
		Port:           clustertest.FreePort(GinkgoTB()),
		MetricsAddress: "0",
		HealthAddress:  fmt.Sprintf("127.0.0.1:%d", clustertest.FreePort(GinkgoTB())),
		KEDANamespaces: namespaces,
		ShutdownDelay:  delay,
		// No pods run, so nobody is waited for.
		ConvergenceTimeout: time.Second,
	}
}

func startWith(o Options) *process {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	p := &process{options: o, stop: stop, ended: make(chan struct{})}
	scheme, err := newScheme()
	Expect(err).NotTo(HaveOccurred())
	managed := p.options.manager(scheme)
	managed.Controller.SkipNameValidation = new(true) // several processes are one here
	mgr, err := ctrl.NewManager(config, managed)
	Expect(err).NotTo(HaveOccurred())
	go func() {
		defer close(p.ended)
		p.err = run(ctx, mgr, p.options)
	}()
	DeferCleanup(p.end)
	return p
}

// startReady starts a process that the API server calls, with failurePolicy
// Fail.
func startReady(ctx context.Context, namespaces ...string) *process {
	GinkgoHelper()
	p := start(0, namespaces...)
	register(ctx, p, admissionregistrationv1.Fail)
	p.becomesReady()
	return p
}

// end stops the process and waits for it.
func (p *process) end() {
	GinkgoHelper()
	p.stop()
	Eventually(p.ended).WithTimeout(30 * time.Second).Should(BeClosed())
	if !p.fails {
		Expect(p.err).NotTo(HaveOccurred())
	}
}

func (p *process) url(path string) string {
	return fmt.Sprintf("https://127.0.0.1:%d%s", p.options.Port, path)
}

// health is the status of /readyz or /healthz, 0 where nothing listens.
func (p *process) health(path string) int {
	response, err := http.Get("http://" + p.options.HealthAddress + path)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

func (p *process) becomesReady() {
	GinkgoHelper()
	Eventually(p.health).WithArguments("/readyz").WithTimeout(30 * time.Second).WithPolling(20 * time.Millisecond).Should(Equal(http.StatusOK))
}
