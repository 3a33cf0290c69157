// Package forward connects to a port of a pod through the API server, for whoever
// is outside of the cluster's network.
//
// It promises a connection and nothing else: no local port is opened that others
// on the machine could use, what the kubelet says of a port that nobody listens on
// comes back as the connection's error, and a connection that does not come about
// is given up with the context.
//
// Decisions (2026-11):
//   - WebSocket first, SPDY where an API server or a proxy does not upgrade to it,
//     as kubectl does it: Kubernetes 1.30 has only the latter.
//     The types are those of k8s.io/streaming: client-go 0.37 fails to upgrade with
//     an error of that module, which apimachinery's predicate does not know.
//   - One connection a stream pair, made directly, and not client-go's
//     PortForwarder, which listens on a port and writes errors to a log.
package forward
