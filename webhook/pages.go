package webhook

import (
	"context"
	"fmt"
	"net/http"

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
	serve := func(path, name string, check healthz.Checker) {
		checks := http.StripPrefix(path, &healthz.Handler{Checks: map[string]healthz.Checker{name: check}})
		routes.Handle(path, checks)
		routes.Handle(path+"/", checks)
	}
	serve("/healthz", "listener", alive)
	serve("/readyz", "handshake", ready)
	return &http.Server{
		Addr:              address,
		Handler:           routes,
		ReadHeaderTimeout: readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
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
