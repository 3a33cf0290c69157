package check

import (
	"slices"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// Verdict is what is said of an edge, or of one problem of it.
type Verdict string

// The verdicts.
const (
	Holds        Verdict = "holds"
	Warning      Verdict = "warning" // holds, but something is odd, or ends soon
	Unknown      Verdict = "unknown" // could not be looked at
	Broken       Verdict = "broken"
	NotInstalled Verdict = "not-installed"
)

// severity orders the verdicts: what is broken is told before what is unknown.
var severity = map[Verdict]int{NotInstalled: 0, Holds: 1, Warning: 2, Unknown: 3, Broken: 4}

func worse(a, b Verdict) Verdict {
	if severity[b] > severity[a] {
		return b
	}
	return a
}

// Answer is that about a whole installation. Its JSON is part of the interface.
type Answer struct {
	Namespace string `json:"namespace"`
	// Verdict is the worst of the edges.
	Verdict Verdict `json:"verdict"`
	Asked   Asked   `json:"asked"`
	Edges   []Edge  `json:"edges"`
}

// Edge is who trusts whom. Its verdict is the worst of its problems and sides.
type Edge struct {
	// Name is stable, as "api-server-to-metrics-apiserver".
	Name    string  `json:"edge"`
	Verdict Verdict `json:"verdict"`
	Sides   []Side  `json:"sides,omitempty"`
	// Facts are sentences about what else was seen.
	Facts    []string  `json:"facts,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Side is one verification: of a server by its client, or the other way round.
type Side struct {
	// Who verifies whom, where an edge has more than one side.
	Who string `json:"who,omitempty"`
	// Name is the DNS name for which is verified; empty for a client's certificate.
	Name     string    `json:"name,omitempty"`
	Served   []Served  `json:"served"`
	Trusted  Trusted   `json:"trusted"`
	Verifies bool      `json:"verifies"`
	Ends     time.Time `json:"ends,omitzero"`
	// Note says how far what is said is a conclusion.
	Note     string    `json:"note,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// How a certificate was seen.
const (
	SeenByHandshake = "handshake"
	SeenAsPublished = "published" // in what the pods mount
	NotSeen         = "no"
)

// Served is what one endpoint shows.
type Served struct {
	// By is an address, or the object that pods mount.
	By   string `json:"by"`
	Pod  string `json:"pod,omitempty"`
	Seen string `json:"seen"`
	// Why it was not seen.
	Why string `json:"why,omitempty"`
	// TLS is the version that was agreed on, "1.3".
	TLS         string       `json:"tls,omitempty"`
	Certificate *Certificate `json:"certificate,omitempty"`
}

// Trusted are the certificates that verify others, and where they stand.
type Trusted struct {
	From         string        `json:"from"`
	Certificates []Certificate `json:"certificates,omitempty"`
}

// Problem is one thing that is wrong or odd, and what mends it.
type Problem struct {
	Verdict Verdict         `json:"verdict"`
	Reason  injector.Reason `json:"reason"`
	// Object is where it is: an endpoint, or an object with a field of it.
	Object  string `json:"object"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// settle gives the edge the worst verdict of all that was found.
func (e Edge) settle() Edge {
	e.Verdict = Holds
	for _, p := range e.Problems {
		e.Verdict = worse(e.Verdict, p.Verdict)
	}
	for _, s := range e.Sides {
		for _, p := range s.Problems {
			e.Verdict = worse(e.Verdict, p.Verdict)
		}
	}
	return e
}

// add tells once what is wrong with several endpoints, as where their CA is.
func (s *Side) add(problems ...Problem) {
	for _, p := range problems {
		if !slices.Contains(s.Problems, p) {
			s.Problems = append(s.Problems, p)
		}
	}
}

// settle says that a side verifies where it was looked at and nothing is broken.
func (s *Side) settle() {
	worst := Holds
	for _, p := range s.Problems {
		worst = worse(worst, p.Verdict)
	}
	s.Verifies = severity[worst] < severity[Unknown]
	if !s.Verifies {
		s.Ends = time.Time{}
	}
}

func broken(reason injector.Reason, object, message, mend string) Problem {
	return Problem{Verdict: Broken, Reason: reason, Object: object, Message: message, Mend: mend}
}

func warning(reason injector.Reason, object, message, mend string) Problem {
	return Problem{Verdict: Warning, Reason: reason, Object: object, Message: message, Mend: mend}
}

func unknown(reason injector.Reason, object, message, mend string) Problem {
	return Problem{Verdict: Unknown, Reason: reason, Object: object, Message: message, Mend: mend}
}
