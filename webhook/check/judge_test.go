package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/forward"
)

func TestWhatAHandshakeThatFailsSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		connected bool
		err       error
		want      Outcome
	}{
		"none":                              {true, nil, Seen},
		"refused by the network":            {false, fmt.Errorf("connecting: %w", syscall.ECONNREFUSED), Refused},
		"refused behind a port-forward":     {true, fmt.Errorf("shaking hands: %w", forward.ErrRefused), Refused},
		"forbidden to forward ports":        {false, errors.New("pods is forbidden"), NotReached},
		"a kubelet that does not forward":   {true, fmt.Errorf("shaking hands: %w", forward.ErrNotForwarded), NotReached},
		"a network that drops":              {false, context.DeadlineExceeded, NotReached},
		"a connection that takes too long":  {true, fmt.Errorf("shaking hands: %w", context.DeadlineExceeded), NotReached},
		"a deadline of the network's":       {true, os.ErrDeadlineExceeded, NotReached},
		"somebody who does not speak TLS":   {true, errors.New("tls: first record does not look like a TLS handshake"), Failed},
		"a connection that ends before TLS": {true, io.EOF, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(c.connected, c.err); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestAChainIsHeldAgainstWhatIsTrusted(t *testing.T) {
	t.Parallel()
	const name = "keda-metrics-apiserver.keda.svc"
	now := certtest.Now
	ended := certtest.Between(now.Add(-48*time.Hour), now.Add(-time.Hour))
	ca, other := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Other")
	middle := ca.Intermediate(t, "Middle")
	short := ca.Intermediate(t, "Short", certtest.Between(now.Add(-time.Hour), now.Add(time.Hour*24)))
	old := certtest.NewCA(t, "Old", ended)
	renewed := certtest.NewCA(t, "Renewed", certtest.Between(now.Add(-time.Minute), now.Add(time.Hour*240)))
	names := []string{name}
	for story, c := range map[string]struct {
		chain []*x509.Certificate
		roots []*x509.Certificate
		want  []injector.Reason
		ends  time.Time
	}{
		"a leaf of the CA":                             {certs(ca.Leaf(t, names)), certs(ca.Pair), nil, ca.Cert.NotAfter},
		"old and new CA side by side":                  {certs(ca.Leaf(t, names)), certs(other.Pair, ca.Pair), nil, ca.Cert.NotAfter},
		"an intermediate that is sent along":           {certs(middle.Leaf(t, names), middle.Pair), certs(ca.Pair), nil, ca.Cert.NotAfter},
		"an intermediate that is missing":              {certs(middle.Leaf(t, names)), certs(ca.Pair), []injector.Reason{injector.ReasonCAUnverified}, time.Time{}},
		"the end of an intermediate":                   {certs(short.Leaf(t, names), short.Pair), certs(ca.Pair), nil, short.Cert.NotAfter},
		"an expired CA beside the right one":           {certs(ca.Leaf(t, names)), certs(old.Pair, ca.Pair), nil, ca.Cert.NotAfter},
		"no CA":                                        {certs(ca.Leaf(t, names)), nil, []injector.Reason{injector.ReasonCAMissing}, time.Time{}},
		"an expired leaf of another CA and name":       {certs(other.Leaf(t, []string{"x"}, ended)), certs(ca.Pair), []injector.Reason{injector.ReasonLeafExpired, injector.ReasonNamesMissing, injector.ReasonCAUnverified}, time.Time{}},
		"an expired leaf, whose CA was renewed since":  {certs(renewed.Leaf(t, names, ended)), certs(renewed.Pair), []injector.Reason{injector.ReasonLeafExpired}, now.Add(-time.Hour)},
		"a leaf for clients only":                      {certs(ca.Leaf(t, names, certtest.For(x509.ExtKeyUsageClientAuth))), certs(ca.Pair), []injector.Reason{injector.ReasonCAUnverified}, time.Time{}},
		"a certificate that is trusted for itself":     {certs(certtest.SelfSigned(t, names)), nil, []injector.Reason{injector.ReasonCAMissing}, time.Time{}},
		"a leaf of whose lifetime a twentieth is left": {certs(ca.Leaf(t, names, certtest.Between(now.Add(-95*time.Hour), now.Add(5*time.Hour)))), certs(ca.Pair), []injector.Reason{injector.ReasonEndsSoon}, now.Add(5 * time.Hour)},
		"a leaf of a day of which six hours are left":  {certs(ca.Leaf(t, names, certtest.Between(now.Add(-18*time.Hour), now.Add(6*time.Hour)))), certs(ca.Pair), nil, now.Add(6 * time.Hour)},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			ends, problems := verification{chain: c.chain, roots: c.roots, name: name, usage: x509.ExtKeyUsageServerAuth, now: now, served: "pod", trusted: "bundle"}.judge()
			var got []injector.Reason
			for _, p := range problems {
				got = append(got, p.Reason)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", problems, c.want)
			}
			if !ends.Equal(c.ends) {
				t.Errorf("ends %s, want %s", ends, c.ends)
			}
		})
	}
}

func TestADeploymentIsSaidToBeBehindInWordsThatFit(t *testing.T) {
	t.Parallel()
	for story, c := range map[string]struct {
		status appsv1.DeploymentStatus
		want   string
	}{
		"all have it":          {appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}, ""},
		"nobody has looked":    {appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, "has not been taken up yet"},
		"it is scaled to zero": {appsv1.DeploymentStatus{ObservedGeneration: 2}, "it has no pods"},
		"half":                 {appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2}, "only 1 of 2 pods"},
		"they crash":           {appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1}, "none of its pods is available"},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			got := rollsOut(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: c.status})
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("says %q, want %q", got, c.want)
			}
		})
	}
}

func certs(pairs ...certtest.Pair) []*x509.Certificate {
	var out []*x509.Certificate
	for _, p := range pairs {
		out = append(out, p.Cert)
	}
	return out
}

func TestAnOperatorThatDoesNotListenIsOddWhereAnotherLeads(t *testing.T) {
	t.Parallel()
	const name = "keda-operator.keda.svc"
	ca := certtest.NewCA(t, "Ours")
	pair := ca.Leaf(t, []string{name})
	refused := Sighting{Endpoint: endpoints.Endpoint{Address: "192.0.2.1:9666"}, Outcome: Refused, Err: syscall.ECONNREFUSED}
	silent := Sighting{Endpoint: endpoints.Endpoint{Address: "192.0.2.3:9666"}, Outcome: NotReached, Err: errNoWay}
	leading := Sighting{Endpoint: endpoints.Endpoint{Address: "192.0.2.2:9666"}, Outcome: Seen, Handshake: endpoints.Handshake{Chain: certs(pair), Version: tls.VersionTLS13}}
	for story, c := range map[string]struct {
		component injector.Component
		sightings []Sighting
		want      Verdict
	}{
		"beside the one that leads":    {injector.ComponentOperator, []Sighting{refused, leading}, Warning},
		"alone":                        {injector.ComponentOperator, []Sighting{refused}, Broken},
		"beside one that was not seen": {injector.ComponentOperator, []Sighting{refused, silent}, Broken},
		"a component of which all do":  {injector.ComponentMetricsAPIServer, []Sighting{refused, leading}, Broken},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			server := Server{Server: injector.Server{Component: c.component, Name: name}, Sightings: c.sightings}
			s := verifier{roots: certs(ca.Pair), from: "bundle"}.side(certtest.Now, server, Material{From: "Secret", Certificates: certs(pair)})
			if got := (Edge{Sides: []Side{s}}).settle().Verdict; got != c.want {
				t.Errorf("it is %s, want %s: %v", got, c.want, s.Problems)
			}
			if s.Verifies != (c.want == Warning) {
				t.Errorf("verifies: %v", s.Verifies)
			}
		})
	}
}

func TestThatWhichIsBrokenIsWorseThanThatWhichIsNotKnown(t *testing.T) {
	t.Parallel()
	order := []Verdict{NotInstalled, Holds, Warning, Unknown, Broken}
	for i, a := range order {
		for j, b := range order {
			if got, want := worse(a, b), order[max(i, j)]; got != want {
				t.Errorf("of %s and %s the worse is %s, want %s", a, b, got, want)
			}
		}
	}
}

func TestWhatTheAPIServerItselfDoesNotVerifyIsBroken(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]int{
		`failing or missing response: Get "https://10.0.0.1:443": tls: failed to verify certificate: x509: certificate has expired`: 1,
		"no response: dial tcp: connection refused": 0,
	} {
		api := &apiregistrationv1.APIService{Status: apiregistrationv1.APIServiceStatus{Conditions: []apiregistrationv1.APIServiceCondition{
			{Type: apiregistrationv1.Available, Status: apiregistrationv1.ConditionFalse, Message: message},
		}}}
		metrics := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "keda-metrics-apiserver"}}
		o := Observed{Installation: injector.Installation{Deployments: map[injector.Component]*appsv1.Deployment{injector.ComponentMetricsAPIServer: metrics}}}
		found := o.unverifiedBy(api)
		if len(found) != want {
			t.Errorf("%q: %v", message, found)
		}
		for _, p := range found {
			if p.Verdict != Broken || !strings.HasSuffix(p.Mend, "kubectl rollout restart -n keda deployment/keda-metrics-apiserver") {
				t.Errorf("%q: %+v", message, p)
			}
		}
	}
}
