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
	// dwell is what API servers are given to read a caBundle that one of them has:
	// nobody can see that every one has it.
	dwell = 30 * time.Second
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

// Look is what one look at the consumers of an installation came to.
type Look struct {
	// Lagging are those that a next stage has to wait for.
	Lagging []Laggard
	// Unseen are those that were not seen to have what is published, and that nobody
	// waits for any more, for the bound is over.
	Unseen []Laggard
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

// Look finds no consumer where all have what is published. An error is a failure to
// read that may pass; an endpoint that does not answer is none. Components that opted
// out are no consumers.
func (o Observer) Look(ctx context.Context, i injector.Installation, p Published, now time.Time) (Look, error) {
	out, err := o.atEndpoints(ctx, i, p, now)
	if err != nil {
		return Look{}, err
	}
	lagging := o.caBundles(i, p, now)
	for _, m := range i.Mountings() {
		if l, holds := o.mounting(m, p, now); holds {
			lagging = append(lagging, l)
		}
	}
	out.Lagging = append(lagging, out.Lagging...)
	return out, nil
}

// mounting is a Laggard that another controller restarts, where it may.
func (o Observer) mounting(m injector.Mounting, p Published, now time.Time) (Laggard, bool) {
	d := m.Deployment
	l := Laggard{Component: string(m.Component), Object: fmt.Sprintf("Deployment %s/%s", d.Namespace, d.Name), Tell: now.Sub(p.Since) >= o.Bound}
	l.Problem = lacks(m, p.State)
	switch {
	case l.Problem == "":
		l.Problem = rollsOut(m, p.Since, now)
	case p.State.ManualRollout:
		l.Tell = true
		l.Problem += fmt.Sprintf(", and %s is manual; restart it: kubectl rollout restart deployment -n %s %s", injector.AnnotationRollout, d.Namespace, d.Name)
	}
	return l, l.Problem != ""
}

// caBundles counts one that holds the published CAs as read when a dwell has passed
// since, for the API server that answered is not the only one.
func (o Observer) caBundles(i injector.Installation, p Published, now time.Time) []Laggard {
	var out []Laggard
	for _, b := range i.CABundles() {
		l := Laggard{Component: APIServer, Object: b.Object}
		switch {
		case !bytes.Equal(b.PEM, p.State.CABundle):
			l.Problem, l.Tell = b.Field+" does not hold the published CAs", now.Sub(p.Since) >= o.Bound
		case now.Sub(heldSince(b, p, now)) < min(dwell, o.Bound):
			l.Problem = b.Field + " holds the published CAs, and nobody can see that every API server has read it"
		default:
			continue
		}
		out = append(out, l)
	}
	return out
}

// heldSince is when a caBundle came to hold the published CAs at the latest. Where
// somebody else wrote it, admission answered with them as soon as they were there. A
// time that is still to come is of another clock.
func heldSince(b injector.CABundle, p Published, now time.Time) time.Time {
	if b.Written.After(p.Since) && !b.Written.After(now) {
		return b.Written
	}
	return p.Since
}

func (o Observer) atEndpoints(ctx context.Context, i injector.Installation, p Published, now time.Time) (Look, error) {
	var absent []Laggard
	var all []endpoints.Endpoint
	for _, server := range i.Servers() {
		if i.OptedOut(server.Component) {
			continue
		}
		ready, err := endpoints.Ready(ctx, o.Live, i.Namespace, server)
		if err != nil {
			return Look{}, err
		}
		if len(ready) == 0 {
			absent = append(absent, Laggard{Component: string(server.Component), Object: "Service " + i.Namespace + "/" + server.Service, Problem: "has no ready endpoint"})
		}
		all = append(all, ready...)
	}
	out := judgeAll(o.shakeAll(ctx, all), p, now, o.Bound)
	if now.Sub(p.Since) < o.Bound {
		out.Lagging = append(absent, out.Lagging...)
	} else {
		out.Unseen = append(absent, out.Unseen...)
	}
	return out, nil
}

// shakeAll shakes hands with all endpoints, several at a time.
func (o Observer) shakeAll(ctx context.Context, all []endpoints.Endpoint) []sight {
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
