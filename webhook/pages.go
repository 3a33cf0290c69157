package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// pages are what a kubelet and Prometheus ask for while the process lives. A
// manager would end them with itself, when the answers matter most, and would
// keep its lease until the last connection to them is closed.
func (o Options) pages(alive, ready healthz.Checker) ([]manager.Runnable, error) {
	var pages []manager.Runnable
	if o.HealthAddress != "0" {
		pages = append(pages, page{"health probes", &manager.Server{
			Server:          healthServer(o.HealthAddress, alive, ready),
			ShutdownTimeout: new(finishTimeout),
		}})
	}
	metrics, err := metricsserver.NewServer(metricsserver.Options{BindAddress: o.MetricsAddress}, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("setting up the metrics: %w", err)
	}
	if metrics != nil {
		pages = append(pages, page{"metrics", metrics})
	}
	return pages, nil
}

func healthServer(address string, alive, ready healthz.Checker) *http.Server {
	routes := http.NewServeMux()
	routes.Handle("/healthz", healthz.CheckHandler{Checker: alive})
	routes.Handle("/readyz", healthz.CheckHandler{Checker: ready})
	return &http.Server{
		Addr:              address,
		Handler:           routes,
		ReadHeaderTimeout: readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}

// readiness logs why a replica is not ready, once for each reason: a kubelet asks
// every few seconds, and tells nobody what was answered.
type readiness struct {
	ready healthz.Checker
	log   logr.Logger

	mu   sync.Mutex
	last string
}

func (r *readiness) check(request *http.Request) error {
	err := r.ready(request)
	said := ""
	if err != nil {
		said = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if said != "" && said != r.last {
		r.log.Info("Not ready", "reason", said)
	}
	r.last = said
	return err
}

// page says in its error what could not be served.
type page struct {
	what string
	manager.Runnable
}

func (p page) Start(ctx context.Context) error {
	if err := p.Runnable.Start(ctx); err != nil {
		return fmt.Errorf("serving %s: %w", p.what, err)
	}
	return nil
}
