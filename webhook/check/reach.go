package check

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"k8s.io/client-go/rest"

	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/forward"
)

// Way leads to an endpoint of namespace; nil where it does not.
type Way func(namespace string, endpoint endpoints.Endpoint) endpoints.Dialer

// Ways are those that lead from this process to pods: from inside of a pod the
// network itself, and from everywhere the API server. The network is tried from
// nowhere else, for there a pod's address may be another machine's.
func Ways(config *rest.Config) []Way {
	ways := []Way{byAPIServer(config)}
	if _, inPod := os.LookupEnv("KUBERNETES_SERVICE_HOST"); inPod {
		ways = append([]Way{byNetwork}, ways...)
	}
	return ways
}

// byNetwork is the network.
func byNetwork(string, endpoints.Endpoint) endpoints.Dialer { return new(net.Dialer).DialContext }

// byAPIServer goes through the API server and the kubelet. An endpoint that is no
// pod is a host that a webhook configuration names, and dialed as such.
func byAPIServer(config *rest.Config) Way {
	return func(namespace string, endpoint endpoints.Endpoint) endpoints.Dialer {
		switch {
		case endpoint.Pod != "":
			return forward.To(config, namespace, endpoint.Pod)
		case endpoint.Server.Service == "":
			return new(net.Dialer).DialContext
		}
		return nil
	}
}

var errNoWay = errors.New("no way leads there from here")

// sight goes the first way that leads to an answer.
func (l Looker) sight(ctx context.Context, namespace string, endpoint endpoints.Endpoint) Sighting {
	last := Sighting{Endpoint: endpoint, Outcome: NotReached, Err: errNoWay}
	for _, way := range l.Ways {
		dial := way(namespace, endpoint)
		if dial == nil {
			continue
		}
		if last = shake(ctx, dial, endpoint); last.Outcome != NotReached {
			return last
		}
	}
	return last
}

func shake(ctx context.Context, dial endpoints.Dialer, endpoint endpoints.Endpoint) Sighting {
	connected := false
	noting := func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		connected = err == nil
		return connection, err
	}
	seen, err := endpoints.Shake(ctx, noting, endpoint)
	return Sighting{Endpoint: endpoint, Outcome: outcome(connected, err), Handshake: seen, Err: err}
}

// outcome tells a server that is at fault from a way that does not lead to it.
//
//	error              connected   outcome
//	none               yes         seen
//	refused            any         refused
//	any other          no          not reached
//	took too long      yes         not reached
//	the kubelet's own  yes         not reached
//	any other          yes         failed
func outcome(connected bool, err error) Outcome {
	var slow net.Error
	switch {
	case err == nil:
		return Seen
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, forward.ErrRefused):
		return Refused
	case !connected, errors.Is(err, context.DeadlineExceeded), errors.Is(err, forward.ErrNotForwarded), errors.As(err, &slow) && slow.Timeout():
		return NotReached
	}
	return Failed
}

// sightings are of all endpoints at once: one that hangs holds up no other.
func (l Looker) sightings(ctx context.Context, namespace string, all []endpoints.Endpoint) []Sighting {
	out := make([]Sighting, len(all))
	var group sync.WaitGroup
	for i, endpoint := range all {
		group.Go(func() { out[i] = l.sight(ctx, namespace, endpoint) })
	}
	group.Wait()
	return out
}
