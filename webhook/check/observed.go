package check

import (
	"crypto/x509"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

// Observed is everything that a verdict depends on.
type Observed struct {
	Now          time.Time
	Installation injector.Installation
	Orders       Orders
	// State is what is published and to be carried out, nil without any. What is not
	// known to be out of force counts.
	State *injector.State
	// Servers are those of KEDA's components, with what was seen of each.
	Servers []Server
	// Serving is the certificate that pods of a component mount to serve with, Peer
	// that of gRPC between operator and metrics-apiserver, Trusts the CAs there.
	Serving, Peer, Trusts map[injector.Component]Material
	CustomCAs             []CustomCA
	Own                   Own
}

// Orders are what the Namespace asks keda-trust for, and what is published for it.
type Orders struct {
	// Mode is that of its label; Wrong says why that is none.
	Mode  injector.Mode
	Wrong []injector.Finding
	// Resolution is what its sources give, as far as whoever looks may read them; of
	// ModeEnabled and ModeAudit only.
	Resolution injector.Resolution
	// Published is zero where that may not be read.
	Published installation.Publication
	// Err is why one of these is not known.
	Err error
}

// Server is one server, with a sighting of each of its ready endpoints.
type Server struct {
	injector.Server
	// Namespace is that of its Service; empty where it has none.
	Namespace string
	Sightings []Sighting
	// Err is why its endpoints are not known.
	Err error
}

// Sighting is what came of one handshake.
type Sighting struct {
	Endpoint  endpoints.Endpoint
	Outcome   Outcome
	Handshake endpoints.Handshake // where Outcome is Seen
	Err       error               // where it is not
}

// Outcome of a handshake.
type Outcome int

// The outcomes.
const (
	NotReached Outcome = iota // no way leads there from here
	Seen
	Refused // nobody listens
	Failed  // somebody does, who does not speak TLS with us
)

// Material is what pods mount as one file, tls.crt or ca.crt.
type Material struct {
	// From names the object, "Secret keda/keda-tls"; empty where none is mounted.
	From         string
	Certificates []*x509.Certificate
	// Err is why they are not known: the object is absent, forbidden, not read, or none
	// that could be.
	Err error
}

// CustomCA is an object that is mounted where the operator reads custom CAs.
type CustomCA struct {
	From string
	// Files are their contents, by file name.
	Files    map[string][]byte
	Optional bool
	// Blind: a kind of volume that cannot be looked into.
	Blind bool
	Err   error
}

// Own is keda-trust itself.
type Own struct {
	// Configuration is nil where keda-trust is not installed.
	Configuration *admissionregistrationv1.MutatingWebhookConfiguration
	Err           error // why that is not known
	Server        Server
	// Answered: a dry run made the round trip; else RoundTrip says why it did not.
	Answered  bool
	RoundTrip error
}

func (o Observed) servers(component injector.Component) []Server {
	var out []Server
	for _, s := range o.Servers {
		if s.Component == component {
			out = append(out, s)
		}
	}
	return out
}
