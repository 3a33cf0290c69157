package consumers

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

const (
	// lookTimeout is for all handshakes of one look together: who has not answered
	// by then is not reached.
	lookTimeout = 6 * time.Second
	// handshakes are as many as are under way at a time.
	handshakes = 16
)

// APIServer is the Component of a Laggard whose caBundle the API server uses.
const APIServer = "apiserver"

// Published is what every consumer of one installation is to have.
type Published struct {
	State injector.State
	Leaf  injector.Leaf
	CA    injector.Bundle
	// Since is when certificate or CAs were written last.
	Since time.Time
}

// Laggard is a consumer without what is published.
type Laggard struct {
	// Component is KEDA's, or APIServer.
	Component string
	// Object and Problem make a Finding.
	Object, Problem string
	// Tell: it waits for a person, or has waited for too long.
	Tell bool
}

// Observer looks at the consumers of an installation.
type Observer struct {
	// Live reads EndpointSlices from the API server.
	Live client.Reader
	// Dial reaches pods.
	Dial endpoints.Dialer
	// Bound is how long what cannot be seen is waited for.
	Bound time.Duration
}

// Lagging are the consumers that a next stage has to wait for, none where all
// have what is published. An error is a failure to read that may pass; an
// endpoint that does not answer is none.
func (o Observer) Lagging(ctx context.Context, i injector.Installation, p Published, now time.Time) ([]Laggard, error) {
	age := now.Sub(p.Since)
	out := o.caBundles(i, p, age)
	for _, r := range i.Restarting() {
		if problem := restarted(r, p); problem != "" {
			out = append(out, o.restart(r, p, problem, age))
		}
	}
	atEndpoints, err := o.atEndpoints(ctx, i, p, age)
	return append(out, atEndpoints...), err
}

// restart is a Laggard that another controller restarts, where it may.
func (o Observer) restart(r injector.Restarting, p Published, problem string, age time.Duration) Laggard {
	d := r.Deployment
	l := Laggard{Component: string(r.Component), Object: fmt.Sprintf("Deployment %s/%s", d.Namespace, d.Name), Problem: problem}
	if r.Digest == p.State.CertificateDigest { // it is at it
		return l
	}
	l.Tell = age >= o.Bound
	if p.State.ManualRollout {
		l.Tell = true
		l.Problem += fmt.Sprintf(", and %s is manual; restart it: kubectl rollout restart deployment -n %s %s", injector.AnnotationRollout, d.Namespace, d.Name)
	}
	return l
}

func (o Observer) caBundles(i injector.Installation, p Published, age time.Duration) []Laggard {
	var out []Laggard
	for _, b := range i.CABundles() {
		if !bytes.Equal(b.PEM, p.State.CABundle) {
			out = append(out, Laggard{Component: APIServer, Object: b.Object, Problem: b.Field + " does not hold the published CAs", Tell: age >= o.Bound})
		}
	}
	return out
}

func (o Observer) atEndpoints(ctx context.Context, i injector.Installation, p Published, age time.Duration) ([]Laggard, error) {
	var out []Laggard
	var all []endpoints.Endpoint
	for _, server := range i.Servers() {
		ready, err := endpoints.Ready(ctx, o.Live, i.Namespace, server)
		if err != nil {
			return nil, err
		}
		if len(ready) == 0 && age < o.Bound {
			out = append(out, Laggard{Component: string(server.Component), Object: "Service " + i.Namespace + "/" + server.Service, Problem: "has no ready endpoint"})
		}
		all = append(all, ready...)
	}
	for _, s := range o.look(ctx, all) {
		if laggard, lags := judge(s, p, age, o.Bound); lags {
			out = append(out, laggard)
		}
	}
	return out, nil
}

// look shakes hands with all endpoints, several at a time.
func (o Observer) look(ctx context.Context, all []endpoints.Endpoint) []sight {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	out := make([]sight, len(all))
	free := make(chan struct{}, handshakes)
	var under sync.WaitGroup
	for n, endpoint := range all {
		free <- struct{}{}
		under.Go(func() {
			shown, err := endpoints.Shake(ctx, o.Dial, endpoint)
			out[n] = sight{endpoint, shown, err}
			<-free
		})
	}
	under.Wait()
	return out
}
