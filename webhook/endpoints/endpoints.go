package endpoints

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// Endpoint is a ready address of one of KEDA's servers.
type Endpoint struct {
	Server injector.Server
	// Address is host:port, of the pod itself.
	Address string
	// Pod is its name, empty where the address is not a pod's.
	Pod string
}

// Ready are the endpoints of server that clients are sent to now, in the order
// of their addresses; none where the Service has none, or does not exist.
func Ready(ctx context.Context, reader client.Reader, namespace string, server injector.Server) ([]Endpoint, error) {
	slicesOf := &discoveryv1.EndpointSliceList{}
	err := reader.List(ctx, slicesOf, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: server.Service})
	if err != nil {
		return nil, fmt.Errorf("listing EndpointSlices of Service %s/%s: %w", namespace, server.Service, err)
	}
	var out []Endpoint
	for _, slice := range slicesOf.Items {
		for _, endpoint := range slice.Endpoints {
			if !ptr.Deref(endpoint.Conditions.Ready, true) {
				continue
			}
			out = append(out, addressed(server, endpoint)...)
		}
	}
	slices.SortFunc(out, func(a, b Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return slices.CompactFunc(out, func(a, b Endpoint) bool { return a.Address == b.Address }), nil
}

// addressed is one Endpoint an endpoint: its addresses are the same pod's, and the
// first is the one that is used.
func addressed(server injector.Server, endpoint discoveryv1.Endpoint) []Endpoint {
	if len(endpoint.Addresses) == 0 {
		return nil
	}
	out := Endpoint{Server: server, Address: net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(server.Port))}
	if endpoint.TargetRef != nil && endpoint.TargetRef.Kind == "Pod" {
		out.Pod = endpoint.TargetRef.Name
	}
	return []Endpoint{out}
}
