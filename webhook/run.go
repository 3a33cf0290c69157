package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/serving"
)

// Server answers admission, and what is asked about the process. It is none of the
// manager's runnables: a manager that is told to stop, or loses its lease, ends all
// of them at once, and the API server still calls.
type Server struct {
	parts       []manager.Runnable
	certificate *serving.Certificate
	log         logr.Logger
}

func newServer(o Options, certificate *serving.Certificate, answers handler, log logr.Logger) (*Server, error) {
	routes := http.NewServeMux()
	large := make(largeBodies, maxLargeBodies)
	routes.Handle(injector.PathMutate, reviews{answers.mutate, large, log})
	routes.Handle(injector.PathProbe, reviews{probe, large, log})
	admission := &listener{port: o.Port, tls: certificate.TLS, handler: routes, log: log}
	ready := &readiness{ready: certificate.Ready, log: log}
	pages, err := o.pages(admission.alive, ready.check)
	if err != nil {
		return nil, err
	}
	return &Server{append(pages, admission), certificate, log}, nil
}

// Run serves admission and runs the controllers until ctx is done. The controllers
// then end, and with them the lead, so that another process goes on with it;
// admission is served, unready, for as long as the shutdown delay says.
func Run(ctx context.Context, config *rest.Config, o Options) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(paced(config), o.manager(scheme))
	if err != nil {
		return fmt.Errorf("setting up the manager: %w", err)
	}
	return run(ctx, mgr, o)
}

// paced lets an admission that has to resolve for itself go ahead, where
// client-go's five requests a second would make it wait, and still bounds what a
// fault of ours can ask of an API server.
func paced(config *rest.Config) *rest.Config {
	if config.QPS != 0 {
		return config
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 50, 100
	return config
}

// run ends when ctx is done, or with the manager or a part of the server. Whichever
// it is, the manager ends at once, and those who may still call are served for the
// shutdown delay.
func run(ctx context.Context, mgr ctrl.Manager, o Options) error {
	server, err := AddToManager(ctx, mgr, o)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	errs := make([]error, len(server.parts)+1)
	var all sync.WaitGroup
	all.Go(func() {
		defer stop()
		if err := mgr.Start(running); err != nil {
			errs[0] = fmt.Errorf("running keda-trust: %w", err)
		}
	})
	for i, part := range server.parts {
		all.Go(func() {
			defer stop()
			errs[i+1] = part.Start(life)
		})
	}
	<-running.Done()
	server.drain(o.ShutdownDelay)
	end()
	all.Wait()
	return errors.Join(errs...)
}

// drain returns when nobody should call any more.
func (s *Server) drain(delay time.Duration) {
	if !s.certificate.Drain() {
		return // it never was an endpoint
	}
	s.log.Info("Stopping; serving on for those who have not heard of it", "delay", delay.String())
	<-time.After(delay)
}
