package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/webhook/serving"
)

// Server answers admission. It is none of the manager's runnables: a manager that
// loses its lease ends all of them at once, and the API server still calls.
type Server struct {
	listener    *listener
	certificate *serving.Certificate
	log         logr.Logger
}

// Run serves admission and runs the controllers until ctx is done, and then for
// as long as the shutdown delay says, unready.
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

// run ends when ctx is done, or with the manager or the server. Whichever it is,
// those who may still call are served for the shutdown delay.
func run(ctx context.Context, mgr ctrl.Manager, o Options) error {
	server, err := AddToManager(ctx, mgr, o)
	if err != nil {
		return err
	}
	stopping, stop := context.WithCancel(ctx)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var managed, served error
	var both sync.WaitGroup
	both.Go(func() {
		defer stop()
		managed = mgr.Start(life)
	})
	both.Go(func() {
		defer stop()
		served = server.listener.Start(life)
	})
	<-stopping.Done()
	server.drain(o.ShutdownDelay)
	end()
	both.Wait()
	if managed != nil {
		managed = fmt.Errorf("running keda-trust: %w", managed)
	}
	return errors.Join(managed, served)
}

// drain returns when nobody should call any more.
func (s *Server) drain(delay time.Duration) {
	if !s.certificate.Drain() {
		return // it never was an endpoint
	}
	s.log.Info("Stopping; serving on for those who have not heard of it", "delay", delay.String())
	<-time.After(delay)
}
