package check

import (
	"errors"
	"fmt"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/roundtrip"
)

// roundTrip is the API server's own word. Where it was given, endpoints that are
// not reached from here are no loss.
func (e *Edge) roundTrip(own Own) {
	switch {
	case own.Answered:
		e.Facts = append(e.Facts, "asked by a dry run through the API server, keda-trust answers")
		for i := range e.Sides {
			e.Sides[i].excuse()
		}
	case errors.Is(own.RoundTrip, roundtrip.ErrNotAnswered):
		e.Problems = append(e.Problems, broken(injector.ReasonNotAnswered, own.Server.object(),
			"the API server admits without keda-trust's answer, so what is written passes without injection",
			"look at the pods of keda-trust, the endpoints of its Service, network policies between the API server and them, and the caBundle"))
	default:
		e.Facts = append(e.Facts, fmt.Sprintf("whether keda-trust answers the API server is not known: %v", own.RoundTrip))
	}
}

// excuse drops what was not seen: somebody who verifies has seen it.
func (s *Side) excuse() {
	var left []Problem
	for _, p := range s.Problems {
		if p.Verdict != Unknown {
			left = append(left, p)
		}
	}
	s.Problems = left
	s.settle()
}
