package resilience

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// replica is one keda-trust, and its gateway.
type replica struct {
	gateway *gateway
	options local.ServerOptions
	server  *local.Server // nil before its start
}

// newReplica is not yet started. Its name is for files.
func newReplica(name string, port int, faults ...fault) *replica {
	GinkgoHelper()
	r := &replica{gateway: startGateway(faults...)}
	r.options = local.ServerOptions{
		Binary: binary, Kubeconfig: r.gateway.kubeconfig(name), Log: filepath.Join(dir, name+".log"), WebhookPort: port,
		// All pods can be seen, and are waited for without a bound. The moment that API
		// servers are given to read a caBundle is as long, and thirty seconds at most.
		Flags: []string{"--leader-elect=false", "--convergence-timeout=5s"},
	}
	DeferCleanup(r.stop)
	return r
}

// start returns when the process is ready.
func (r *replica) start(ctx context.Context) *replica {
	GinkgoHelper()
	var err error
	r.server, err = local.StartServer(ctx, r.options)
	Expect(err).NotTo(HaveOccurred())
	return r
}

func (r *replica) exited() bool {
	select {
	case <-r.server.Exited():
		return true
	default:
		return false
	}
}

// stop says what the process said, where something went wrong.
func (r *replica) stop() {
	GinkgoHelper()
	if r.server == nil {
		return
	}
	if CurrentSpecReport().Failed() {
		AddReportEntry(filepath.Base(r.options.Log), r.server.LastWords())
	}
	Expect(r.server.Stop()).To(Succeed())
}
