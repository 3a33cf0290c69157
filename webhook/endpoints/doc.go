// Package endpoints looks at what KEDA's pods really serve: it finds the ready
// addresses behind a Service and shakes hands with each.
//
// It promises to change nothing, to send no certificate and no request, and to
// trust nothing of what it sees: a handshake is an observation, which its caller
// holds against what should be there.
//
// Decisions (2026-11):
//   - Addresses are those of EndpointSlices, which is what clients are sent to;
//     the port is that of the container's own flags, so that no Service has to be
//     read to map one to the other.
//   - A server that asks for client certificates names the CAs that it accepts.
//     That list is the only sight from outside of a ca.crt that a process has
//     read, so it is part of the observation.
package endpoints
