package consumers

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

// kubeletLag is how far a kubelet's copy of a Secret may be behind: it looks once a
// minute, and into a cache that may be another minute old.
const kubeletLag = 2 * time.Minute

// sight is an endpoint and what it showed, or why it did not.
type sight struct {
	endpoint endpoints.Endpoint
	shown    endpoints.Handshake
	err      error
}

// verdict is what a sight says of what was published.
type verdict int

const (
	has    verdict = iota
	passed         // it was not seen to have it, and is no longer waited for
	lags
)

// judgeAll judges each, and forgives an operator that does not listen where another
// does, and has what was published: KEDA's operator serves at its leader only, which
// reads its certificate when it becomes that. Until a kubelet has come after that may
// be the one of before.
func judgeAll(sights []sight, p Published, now time.Time, bound time.Duration) Look {
	leads := slices.ContainsFunc(sights, func(s sight) bool {
		_, found := judge(s, p, now, bound)
		return s.ofOperator() && s.err == nil && found != lags
	})
	var out Look
	for _, s := range sights {
		standby := leads && s.ofOperator() && errors.Is(s.err, syscall.ECONNREFUSED)
		waited := bound
		if standby {
			waited = min(kubeletLag, bound)
		}
		switch l, found := judge(s, p, now, waited); {
		case found == lags:
			out.Lagging = append(out.Lagging, l)
		case found == passed && !standby:
			out.Unseen = append(out.Unseen, l)
		}
	}
	return out
}

func (s sight) ofOperator() bool { return s.endpoint.Server.Component == injector.ComponentOperator }

// judge says whether an endpoint has what was published. What is seen to be wrong does
// not become right by waiting, and to go on breaks it, unless what it serves has ended:
// then it is broken already. It is pure.
//
//	answers  serves                   names of the CAs  holds up
//	no       -                        -                 until the bound, then it has passed
//	yes      another leaf, ended      -                 until the bound, then it has passed
//	yes      another leaf             -                 told from the bound on
//	yes      the leaf                 does not read any no longer
//	yes      the leaf                 too few           told from the bound on
//	yes      the leaf                 too many, unsaid  until the bound, then it has passed
//	yes      the leaf                 all               no longer
func judge(s sight, p Published, now time.Time, bound time.Duration) (Laggard, verdict) {
	age := now.Sub(p.Since)
	l := Laggard{Component: string(s.endpoint.Server.Component), Object: s.name()}
	unseen := passed
	if age < bound {
		unseen = lags
	}
	if s.err != nil {
		l.Problem = fmt.Sprintf("cannot be reached: %v", s.err)
		return l, unseen
	}
	if !slices.EqualFunc(s.shown.Chain, p.Leaf.Chain, (*x509.Certificate).Equal) {
		if now.After(s.shown.Chain[0].NotAfter) {
			l.Problem = fmt.Sprintf("serves %s, which has ended, where %s is published", injector.Describe(s.shown.Chain[0]), p.Leaf)
			return l, unseen
		}
		l.Problem = fmt.Sprintf("serves %s where %s is published", injector.Describe(s.shown.Chain[0]), p.Leaf)
		return l.seen(age, bound), lags
	}
	if s.endpoint.Server.Component == injector.ComponentAdmissionWebhooks {
		return Laggard{}, has
	}
	switch named(s.shown, p.CA) {
	case namesAll:
		return Laggard{}, has
	case namesTooFew:
		l.Problem = "does not name all of the published CAs to its clients"
		return l.seen(age, bound), lags
	}
	l.Problem = "does not say, or names more than the published CAs to its clients"
	return l, unseen
}

// seen has who was seen to be wrong told, and what would end the waiting.
func (l Laggard) seen(age, bound time.Duration) Laggard {
	l.Tell = age >= bound
	l.Problem += fmt.Sprintf("; it is waited for until the certificate that it serves has ended. If it does not read again by itself, restart it. The change is given up where the certificate before is put back; the annotation %s: immediate waits for nobody, and cuts off whoever has not followed",
		injector.AnnotationRotation)
	return l
}

func (s sight) name() string {
	if s.endpoint.Pod != "" {
		return "Pod " + s.endpoint.Pod
	}
	return "Service " + s.endpoint.Server.Service + " at " + s.endpoint.Address
}

// naming is what a server's names of CAs are to a bundle.
type naming int

const (
	namesUnsaid naming = iota
	namesAll
	namesTooFew
	namesTooMany
)

// named compares by number, for the CAs of one subject cannot be told apart.
// Subjects that the bundle does not have are the system's. One that asks for no
// certificate, or accepts any name, does not say.
func named(shown endpoints.Handshake, ca injector.Bundle) naming {
	if !shown.AsksForClient || len(shown.AcceptedCAs) == 0 {
		return namesUnsaid
	}
	answer := namesAll
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
		switch {
		case got < want:
			return namesTooFew
		case got > want:
			answer = namesTooMany
		}
	}
	return answer
}
