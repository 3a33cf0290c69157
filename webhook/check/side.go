package check

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// verifier is who verifies a server: what it trusts, where that stands, the least
// version of TLS that it takes, and what mends what is wrong.
type verifier struct {
	who     string
	roots   []*x509.Certificate
	from    string
	wants13 bool
	mend    mend
}

// side is the verification of a server by a verifier. Where nothing was seen of the
// server, what its pods mount stands for it.
func (v verifier) side(now time.Time, server Server, mounted Material) Side {
	s := Side{Who: v.who, Name: server.Name, Served: []Served{}, Trusted: Trusted{v.from, certificatesOf(v.roots)}}
	s.Problems = endpointProblems(server)
	seen := 0
	for _, sighting := range server.Sightings {
		served, problems := v.sighted(sighting, server)
		s.Served = append(s.Served, served)
		s.add(problems...)
		if sighting.Outcome == Seen {
			seen++
			v.verify(&s, now, sighting.Handshake.Chain, served.By)
		}
	}
	if seen == 0 {
		v.byMounted(&s, now, server, mounted)
	}
	s.settle()
	return s
}

// object is the Service, or the host of a url that is called without one.
func (s Server) object() string {
	if s.Service == "" {
		return "host " + s.Name
	}
	return "Service " + s.Namespace + "/" + s.Service
}

// logs is how to read what a pod of the server says.
func (s Server) logs(pod string) string {
	return fmt.Sprintf("see what the pod says: kubectl logs -n %s %s", cmp.Or(s.Namespace, "NAMESPACE"), cmp.Or(pod, "POD"))
}

func endpointProblems(server Server) []Problem {
	object := server.object()
	switch {
	case server.Err != nil:
		return []Problem{unknown(injector.ReasonNotReached, object, fmt.Sprintf("its endpoints are not known: %v", server.Err), "")}
	case len(server.Sightings) == 0:
		return []Problem{broken(injector.ReasonNoEndpoints, object, "it has no ready endpoint, so nobody serves",
			fmt.Sprintf("see why its pods are not ready: kubectl get pods -n %[1]s, and kubectl describe pod -n %[1]s", server.Namespace))}
	}
	return nil
}

// leads says whether an endpoint was seen that serves for the others too: of KEDA's
// operators only the leader listens.
func (s Server) leads() bool {
	return s.Component == injector.ComponentOperator && slices.ContainsFunc(s.Sightings, func(s Sighting) bool { return s.Outcome == Seen })
}

// sighted is what is said of one endpoint of server, but for its certificate. Where
// another leads it need not listen.
func (v verifier) sighted(s Sighting, server Server) (Served, []Problem) {
	served := Served{By: s.Endpoint.Address, Pod: s.Endpoint.Pod, Seen: NotSeen}
	switch s.Outcome {
	case Refused:
		if server.leads() {
			return served, []Problem{warning(injector.ReasonConnectionRefused, served.By,
				"nobody listens, as at each of KEDA's operators but the one that leads; the metrics-apiserver that is sent there has to try again", "run one operator, or see that its clients come through")}
		}
		return served, []Problem{broken(injector.ReasonConnectionRefused, served.By, fmt.Sprintf("nobody listens: %v", s.Err), server.logs(served.Pod))}
	case Failed:
		return served, []Problem{broken(injector.ReasonHandshakeFailed, served.By, fmt.Sprintf("it does not shake hands: %v", s.Err), server.logs(served.Pod))}
	case NotReached:
		served.Why = fmt.Sprintf("not reached: %v", s.Err)
		return served, nil
	}
	leaf := certificateOf(s.Handshake.Chain[0])
	served.Seen, served.TLS, served.Certificate = SeenByHandshake, tlsVersion(s.Handshake.Version), &leaf
	if s.Handshake.Version >= tls.VersionTLS13 || !v.wants13 {
		return served, nil
	}
	return served, []Problem{broken(injector.ReasonTLSTooOld, served.By, "it speaks TLS "+served.TLS+", and its client wants 1.3",
		"let it speak TLS 1.3, or allow less where the client is told KEDA_SERVICE_MIN_TLS_VERSION")}
}

func (v verifier) verify(s *Side, now time.Time, chain []*x509.Certificate, by string) {
	ends, problems := verification{
		chain: chain, roots: v.roots, name: s.Name, usage: x509.ExtKeyUsageServerAuth, now: now, served: by, trusted: v.from, mend: v.mend,
	}.judge()
	s.add(problems...)
	s.endsBy(ends)
}

// endsBy keeps the first end; zero is none.
func (s *Side) endsBy(ends time.Time) {
	if !ends.IsZero() && (s.Ends.IsZero() || ends.Before(s.Ends)) {
		s.Ends = ends.UTC()
	}
}

// byMounted judges by what pods mount. That may be broken, but not hold: pods that
// have not read it again serve another.
func (v verifier) byMounted(s *Side, now time.Time, server Server, m Material) {
	if len(m.Certificates) == 0 {
		s.add(m.unseen())
		return
	}
	leaf := certificateOf(m.Certificates[0])
	s.Served = append(s.Served, Served{By: m.From, Seen: SeenAsPublished, Certificate: &leaf})
	s.Note = "nothing that is served was seen, so this is judged by what the pods mount"
	v.verify(s, now, m.Certificates, m.From)
	refused := slices.ContainsFunc(server.Sightings, func(s Sighting) bool { return s.Outcome != NotReached })
	if server.Err == nil && len(server.Sightings) > 0 && !refused {
		s.add(unknown(injector.ReasonNotReached, server.object(), "none of its pods was reached, so it is not known whether they serve what they mount",
			"run this inside of the cluster, or with the right to create pods/portforward"))
	}
}

// errInMemory is why the certificate of a server that was not seen is not known.
var errInMemory = errors.New("its pods keep their certificates in memory")

// unseen says why there is no certificate to look at.
func (m Material) unseen() Problem {
	object := cmp.Or(m.From, "the pod template")
	switch {
	case errors.Is(m.Err, errInMemory):
		return unknown(injector.ReasonNotReached, object, m.Err.Error()+", and what they serve was not seen", "run this where the pods are reached")
	case m.From == "":
		return unknown(injector.ReasonNotReached, object, "it mounts nothing that can be looked at where the certificate is read", "run this where the pods are reached")
	case errors.Is(m.Err, injector.ErrForbidden):
		return unknown(injector.ReasonSourceForbidden, object, "you may not read it, so what it holds is not known", "ask for the right to read it, or to forward ports to KEDA's pods")
	case errors.Is(m.Err, injector.ErrNotFound):
		return broken(injector.ReasonSourceMissing, object, "it does not exist, and pods mount it", "create it, or see why its issuer does not: KEDA's operator, cert-manager, or keda-trust, which tells in Events of the Namespace")
	case m.Err != nil:
		return unknown(injector.ReasonSourceMissing, object, m.Err.Error(), "")
	}
	return broken(injector.ReasonLeafInvalid, object, "it holds no certificate that can be read", "put it into its source")
}

func tlsVersion(version uint16) string {
	switch version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return fmt.Sprintf("%#x", version)
}
