package check

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/keda-trust/keda-trust/injector"
)

// peers is mutual: the metrics-apiserver verifies the operator under the name that
// it dials, and the operator the metrics-apiserver's certificate.
func (o Observed) peers() Edge {
	e := Edge{Name: EdgePeers}
	metrics, operator := o.Installation.Deployments[injector.ComponentMetricsAPIServer], o.Installation.Deployments[injector.ComponentOperator]
	switch {
	case metrics == nil && operator == nil:
		e.Verdict = NotInstalled
		return e
	case metrics == nil, operator == nil:
		missing := injector.ComponentOperator
		if metrics == nil {
			missing = injector.ComponentMetricsAPIServer
		}
		e.Problems = append(e.Problems, broken(injector.ReasonObjectMissing, "Namespace "+o.Installation.Namespace,
			fmt.Sprintf("there is no Deployment that is KEDA's %s", missing), "install KEDA whole"))
		return e.settle()
	}
	operators := o.servers(injector.ComponentOperator)
	if len(operators) == 0 {
		e.Problems = append(e.Problems, unknown(injector.ReasonCommandUnknown, "Deployment "+o.Installation.Namespace+"/"+metrics.Name,
			"its flags do not tell under which name it dials the operator", "write out --metrics-service-address"))
		return e.settle()
	}
	for _, server := range operators {
		e.Sides = append(e.Sides, o.verifiesOperator(server), o.verifiesMetrics(server))
	}
	return e.settle()
}

func (o Observed) verifiesOperator(server Server) Side {
	trusted := o.trustedByPeer(injector.ComponentMetricsAPIServer)
	v := verifier{
		who: "the metrics-apiserver verifies the operator", roots: trusted.Certificates, from: trusted.From + " ca.crt",
		wants13: o.Installation.PeersWantTLS13(), mend: o.mendsPeers(),
	}
	s := v.side(o.Now, server, o.Peer[injector.ComponentOperator])
	if trusted.Err != nil || trusted.From == "" {
		s.without(injector.ReasonCAMissing, trusted.unseen())
	}
	return s
}

// without has a problem that is not known to be one replaced by why it is not.
func (s *Side) without(reason injector.Reason, p Problem) {
	s.Problems = slices.DeleteFunc(s.Problems, func(p Problem) bool { return p.Reason == reason })
	s.add(p)
	s.settle()
}

// trustedByPeer is what a component mounts as ca.crt. The state, in force or left
// behind, tells the same of what is published, where the Secret may not be read.
func (o Observed) trustedByPeer(component injector.Component) Material {
	m := o.Trusts[component]
	state := cmp.Or(o.Orders.Published.State, o.Orders.Published.Left)
	if m.Err == nil || state == nil || len(state.CABundle) == 0 || m.From != "Secret "+o.Installation.Namespace+"/"+state.CertificateSecret {
		return m
	}
	return Material{From: m.From, Certificates: lenient(state.CABundle)}
}

// mendsPeers: both ends mount the same Secret, published or not.
func (o Observed) mendsPeers() mend {
	m := o.mends("", "")
	m.trust = "have both mount one certificate and the CA that issued it, and see what the proof says of them: keda-trust diff -n " + o.Installation.Namespace
	return m
}

func (o Observed) verifiesMetrics(server Server) Side {
	trusted, shown := o.trustedByPeer(injector.ComponentOperator), o.clientCertificate()
	s := Side{
		Who: "the operator verifies the metrics-apiserver", Served: []Served{},
		Trusted: Trusted{trusted.From + " ca.crt", certificatesOf(trusted.Certificates)},
	}
	if len(shown.Certificates) == 0 {
		s.add(shown.unseen())
		s.settle()
		return s
	}
	leaf := certificateOf(shown.Certificates[0])
	s.Served = append(s.Served, Served{By: shown.From, Seen: SeenAsPublished, Certificate: &leaf})
	if trusted.Err != nil || trusted.From == "" {
		s.add(trusted.unseen())
	} else {
		ends, problems := verification{
			chain: shown.Certificates, roots: trusted.Certificates, usage: x509.ExtKeyUsageClientAuth, now: o.Now,
			served: shown.From, trusted: s.Trusted.From, mend: o.mendsPeers(),
		}.judge()
		s.add(problems...)
		s.endsBy(ends)
	}
	for _, sighting := range server.Sightings {
		s.add(accepts(sighting, shown.Certificates)...)
	}
	s.settle()
	return s
}

// clientCertificate is the one that the metrics-apiserver shows the operator. It
// serves the same one where both are mounted from one object, so that who may not
// read the Secret may have seen it all the same.
func (o Observed) clientCertificate() Material {
	m := o.Peer[injector.ComponentMetricsAPIServer]
	if m.Err == nil || m.From == "" || m.From != o.Serving[injector.ComponentMetricsAPIServer].From {
		return m
	}
	for _, server := range o.servers(injector.ComponentMetricsAPIServer) {
		for _, sighting := range server.Sightings {
			if sighting.Outcome == Seen {
				return Material{From: sighting.Endpoint.Address, Certificates: sighting.Handshake.Chain}
			}
		}
	}
	return m
}

// accepts holds what the operator's process has read, which its handshake tells,
// against the certificate that it is shown. An empty list accepts every name.
func accepts(s Sighting, chain []*x509.Certificate) []Problem {
	if s.Outcome != Seen {
		return nil
	}
	if !s.Handshake.AsksForClient {
		return []Problem{broken(injector.ReasonNotVerified, s.Endpoint.Address,
			"it asks for no client certificate, so whoever reaches it reads KEDA's metrics", "see that this is KEDA's operator, and not a proxy in front of it")}
	}
	if len(s.Handshake.AcceptedCAs) == 0 {
		return nil
	}
	for _, cert := range chain {
		for _, accepted := range s.Handshake.AcceptedCAs {
			if bytes.Equal(cert.RawIssuer, accepted) {
				return nil
			}
		}
	}
	return []Problem{broken(injector.ReasonClientNotAccepted, s.Endpoint.Address,
		fmt.Sprintf("it accepts certificates of %d CAs, and %s, which the metrics-apiserver mounts, is of none of them but of %q",
			len(s.Handshake.AcceptedCAs), injector.Subject(chain[0]), chain[0].Issuer.String()),
		"let the operator read the ca.crt that is mounted now: kubectl rollout restart its Deployment")}
}
