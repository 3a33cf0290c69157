package consumers

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

// sight is an endpoint and what it showed, or why it did not.
type sight struct {
	endpoint endpoints.Endpoint
	shown    endpoints.Handshake
	err      error
}

// judge says whether an endpoint has what was published age ago. It is pure.
//
//	answers  serves the leaf  accepts the CAs    holds up
//	no       -                -                  until the bound
//	yes      no               -                  until twice the bound, told from the bound on
//	yes      yes              does not read them no longer
//	yes      yes              others, or unsaid  until the bound
//	yes      yes              yes                no longer
func judge(s sight, p Published, age, bound time.Duration) (Laggard, bool) {
	lags := func(limit time.Duration, problem string) (Laggard, bool) {
		return Laggard{Component: string(s.endpoint.Server.Component), Object: s.name(), Problem: problem}, age < limit
	}
	switch {
	case s.err != nil:
		return lags(bound, fmt.Sprintf("cannot be reached: %v", s.err))
	case !slices.EqualFunc(s.shown.Chain, p.Leaf.Chain, (*x509.Certificate).Equal):
		l, holds := lags(2*bound, fmt.Sprintf("serves %s where %s is published", injector.Describe(s.shown.Chain[0]), p.Leaf))
		l.Tell = age >= bound
		return l, holds
	case s.endpoint.Server.Component == injector.ComponentAdmissionWebhooks:
		return Laggard{}, false
	case !accepts(s.shown, p.CA):
		return lags(bound, "does not name exactly the published CAs to its clients")
	}
	return Laggard{}, false
}

func (s sight) name() string {
	if s.endpoint.Pod != "" {
		return "Pod " + s.endpoint.Pod
	}
	return "Service " + s.endpoint.Server.Service + " at " + s.endpoint.Address
}

// accepts compares by number, for the CAs of one subject cannot be told apart.
// Subjects that the bundle does not have are the system's.
func accepts(shown endpoints.Handshake, ca injector.Bundle) bool {
	if !shown.AsksForClient {
		return false
	}
	for _, cert := range ca.Certificates() {
		want, got := 0, 0
		for _, other := range ca.Certificates() {
			if bytes.Equal(other.RawSubject, cert.RawSubject) {
				want++
			}
		}
		for _, subject := range shown.AcceptedCAs {
			if bytes.Equal(subject, cert.RawSubject) {
				got++
			}
		}
		if got != want {
			return false
		}
	}
	return true
}
