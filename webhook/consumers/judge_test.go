package consumers

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

const bound = 5 * time.Minute

func bundle(t *testing.T, cas ...certtest.CA) injector.Bundle {
	t.Helper()
	var pem []byte
	for _, ca := range cas {
		pem = append(pem, ca.CertPEM...)
	}
	b, err := injector.ParseBundle(pem)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnEndpointHoldsUpAsLongAsItSaysSoOrCannotBeSeen(t *testing.T) {
	t.Parallel()
	ca, next, unrelated := certtest.NewCA(t, "Corp"), certtest.NewCA(t, "Next"), certtest.NewCA(t, "System")
	sameName := certtest.NewCA(t, "Corp")
	pair := ca.Leaf(t, certtest.KEDANames("keda"))
	leaf, err := injector.ParseLeaf(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	other := ca.Leaf(t, certtest.KEDANames("keda")).Cert
	ended := ca.Leaf(t, certtest.KEDANames("keda"), certtest.Between(since.AddDate(0, -1, 0), since.Add(-time.Second))).Cert
	showing := func(cert *x509.Certificate, cas ...certtest.CA) sight {
		s := sight{shown: endpoints.Handshake{Chain: []*x509.Certificate{cert}, AsksForClient: cas != nil}}
		for _, c := range cas {
			s.shown.AcceptedCAs = append(s.shown.AcceptedCAs, c.Cert.RawSubject)
		}
		return s
	}
	const never, always = -1, time.Duration(1 << 62)
	both, one := []certtest.CA{ca, next}, []certtest.CA{ca}
	for name, c := range map[string]struct {
		component injector.Component
		s         sight
		ca        injector.Bundle
		until     time.Duration
	}{
		"it does not answer":                  {injector.ComponentOperator, sight{err: errors.New("refused")}, bundle(t, ca), bound},
		"it serves another leaf":              {injector.ComponentOperator, showing(other, ca), bundle(t, ca), always},
		"it serves another that has ended":    {injector.ComponentOperator, showing(ended, ca), bundle(t, ca), bound},
		"webhooks serve one that has ended":   {injector.ComponentAdmissionWebhooks, showing(ended), bundle(t, ca), bound},
		"webhooks read no CA":                 {injector.ComponentAdmissionWebhooks, showing(pair.Cert), bundle(t, ca), never},
		"webhooks serve another leaf":         {injector.ComponentAdmissionWebhooks, showing(other), bundle(t, ca), always},
		"it has all CAs, and the system's":    {injector.ComponentOperator, showing(pair.Cert, append(both, unrelated)...), bundle(t, ca, next), never},
		"it lacks one":                        {injector.ComponentOperator, showing(pair.Cert, unrelated, ca), bundle(t, ca, next), always},
		"it lacks one of two of one subject":  {injector.ComponentMetricsAPIServer, showing(pair.Cert, one...), bundle(t, ca, sameName), always},
		"it has both of one subject":          {injector.ComponentMetricsAPIServer, showing(pair.Cert, ca, sameName), bundle(t, ca, sameName), never},
		"it keeps one of that subject":        {injector.ComponentOperator, showing(pair.Cert, ca, sameName), bundle(t, ca), bound},
		"it keeps one, and lacks another":     {injector.ComponentOperator, showing(pair.Cert, ca, sameName), bundle(t, ca, next), always},
		"it does not ask":                     {injector.ComponentOperator, showing(pair.Cert), bundle(t, ca), bound},
		"it asks, and takes whatever it gets": {injector.ComponentOperator, showing(pair.Cert, []certtest.CA{}...), bundle(t, ca), bound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.s.endpoint.Server.Component = c.component
			p := Published{Leaf: leaf, CA: c.ca, Since: since}
			for _, age := range []time.Duration{0, bound - 1, bound, 2 * bound, 100 * bound} {
				l, found := judge(c.s, p, since.Add(age), bound)
				if want := age < c.until; (found == lags) != want {
					t.Errorf("after %s it holds up: %v, want %v", age, found == lags, want)
				}
				if want := c.until == bound && age >= bound; (found == passed) != want {
					t.Errorf("after %s it has passed unseen: %v, want %v", age, found == passed, want)
				}
				if want := c.until == always && age >= bound; l.Tell != want {
					t.Errorf("after %s it is told: %v, want %v", age, l.Tell, want)
				}
				if l.Tell && !strings.Contains(l.Problem, injector.AnnotationRotation) {
					t.Errorf("%q does not say what ends it", l.Problem)
				}
			}
		})
	}
}

func TestAnOperatorThatDoesNotLeadIsWaitedForAsLongAsItsKubeletMayBeLate(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	pair := ca.Leaf(t, certtest.KEDANames("keda"))
	leaf, err := injector.ParseLeaf(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	at := func(component injector.Component, s sight) sight {
		s.endpoint.Server.Component = component
		return s
	}
	showing := func(cert *x509.Certificate) sight {
		return sight{shown: endpoints.Handshake{Chain: []*x509.Certificate{cert}, AsksForClient: true, AcceptedCAs: [][]byte{ca.Cert.RawSubject}}}
	}
	const operator, metrics = injector.ComponentOperator, injector.ComponentMetricsAPIServer
	right, wrong := showing(pair.Cert), showing(ca.Leaf(t, certtest.KEDANames("keda")).Cert)
	refused := sight{err: fmt.Errorf("connecting: %w", syscall.ECONNREFUSED)}
	silent := sight{err: context.DeadlineExceeded}
	for name, c := range map[string]struct {
		sights  []sight
		bound   time.Duration
		until   time.Duration
		standby bool
	}{
		"beside the one that leads":                 {[]sight{at(operator, refused), at(operator, right)}, bound, kubeletLag, true},
		"never beyond the bound":                    {[]sight{at(operator, right), at(operator, refused)}, time.Minute, time.Minute, true},
		"beside one that has not come after either": {[]sight{at(operator, refused), at(operator, wrong)}, bound, bound, false},
		"alone":                          {[]sight{at(operator, refused)}, bound, bound, false},
		"one that is not to be seen":     {[]sight{at(operator, silent), at(operator, right)}, bound, bound, false},
		"another component all the same": {[]sight{at(metrics, refused), at(operator, right)}, bound, bound, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Published{Leaf: leaf, CA: bundle(t, ca), Since: since}
			for _, age := range []time.Duration{0, time.Minute, kubeletLag - 1, kubeletLag, bound - 1, bound} {
				unreached := func(l Laggard) bool { return strings.Contains(l.Problem, "reached") }
				look := judgeAll(c.sights, p, since.Add(age), c.bound)
				if waiting, want := slices.ContainsFunc(look.Lagging, unreached), age < c.until; waiting != want {
					t.Errorf("after %s it holds up: %v, want %v", age, waiting, want)
				}
				if told, want := slices.ContainsFunc(look.Unseen, unreached), age >= c.until && !c.standby; told != want {
					t.Errorf("after %s it has passed unseen: %v, want %v", age, told, want)
				}
			}
		})
	}
}
