package consumers

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	showing := func(cert *x509.Certificate, cas ...certtest.CA) sight {
		s := sight{shown: endpoints.Handshake{Chain: []*x509.Certificate{cert}, AsksForClient: cas != nil}}
		for _, c := range cas {
			s.shown.AcceptedCAs = append(s.shown.AcceptedCAs, c.Cert.RawSubject)
		}
		return s
	}
	const never = -1
	for name, c := range map[string]struct {
		component injector.Component
		s         sight
		ca        injector.Bundle
		until     time.Duration
		told      bool
	}{
		"it does not answer":                 {injector.ComponentOperator, sight{err: errors.New("refused")}, bundle(t, ca), bound, false},
		"it serves another leaf":             {injector.ComponentOperator, showing(other, ca), bundle(t, ca), 2 * bound, true},
		"webhooks read no CA":                {injector.ComponentAdmissionWebhooks, showing(pair.Cert), bundle(t, ca), never, false},
		"webhooks serve another leaf":        {injector.ComponentAdmissionWebhooks, showing(other), bundle(t, ca), 2 * bound, true},
		"it has all CAs, and the system's":   {injector.ComponentOperator, showing(pair.Cert, unrelated, ca, next), bundle(t, ca, next), never, false},
		"it lacks one":                       {injector.ComponentOperator, showing(pair.Cert, unrelated, ca), bundle(t, ca, next), bound, false},
		"it lacks one of two of one subject": {injector.ComponentMetricsAPIServer, showing(pair.Cert, ca), bundle(t, ca, sameName), bound, false},
		"it has both of one subject":         {injector.ComponentMetricsAPIServer, showing(pair.Cert, ca, sameName), bundle(t, ca, sameName), never, false},
		"it keeps one of that subject":       {injector.ComponentOperator, showing(pair.Cert, ca, sameName), bundle(t, ca), bound, false},
		"it does not say":                    {injector.ComponentOperator, showing(pair.Cert), bundle(t, ca), bound, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.s.endpoint.Server.Component = c.component
			p := Published{Leaf: leaf, CA: c.ca}
			for _, age := range []time.Duration{0, bound - 1, bound, 2*bound - 1, 2 * bound} {
				l, holds := judge(c.s, p, age, bound)
				if want := age < c.until; holds != want {
					t.Errorf("after %s it holds up: %v, want %v", age, holds, want)
				}
				if want := c.told && age >= bound; l.Tell != want {
					t.Errorf("after %s it is told: %v, want %v", age, l.Tell, want)
				}
			}
		})
	}
}

func TestARestartIsOverWhenAllOfItIsOrItWaitsForNothing(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	status := func(observed int64, updated, all, available int32, conditions ...appsv1.DeploymentCondition) appsv1.DeploymentStatus {
		return appsv1.DeploymentStatus{ObservedGeneration: observed, UpdatedReplicas: updated, Replicas: all, AvailableReplicas: available, Conditions: conditions}
	}
	unavailable := func(since time.Time) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Time{Time: since}}
	}
	deadline := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}
	for name, c := range map[string]struct {
		digest string
		status appsv1.DeploymentStatus
		want   string
	}{
		"another template":            {"old", status(3, 2, 2, 2), "has to restart"},
		"no template of ours":         {"", status(3, 2, 2, 2), "has to restart"},
		"complete":                    {"new", status(3, 2, 2, 2), ""},
		"not seen yet":                {"new", status(2, 2, 2, 2), "restarts"},
		"half":                        {"new", status(3, 1, 3, 2), "1 of 2 replicas updated"},
		"an old pod is still there":   {"new", status(3, 2, 3, 2), "restarts"},
		"not available yet":           {"new", status(3, 2, 2, 1), "1 available"},
		"past its deadline":           {"new", status(3, 1, 3, 2, deadline), ""},
		"past an earlier deadline":    {"new", status(2, 1, 3, 2, deadline), "restarts"},
		"unavailable before":          {"new", status(3, 1, 2, 0, unavailable(published.Add(-time.Hour))), ""},
		"unavailable by this restart": {"new", status(3, 1, 2, 0, unavailable(published.Add(time.Second))), "restarts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: new(int32(2))}, Status: c.status}
			got := restarted(injector.Restarting{Deployment: d, Digest: c.digest}, Published{State: injector.State{CertificateDigest: "new"}, Since: published})
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("problem %q, want %q", got, c.want)
			}
		})
	}
}
