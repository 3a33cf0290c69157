package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/webhook/check"
)

// edgeTitles are for people.
var edgeTitles = map[string]string{
	check.EdgeMetrics:   "API server to metrics-apiserver",
	check.EdgeWebhooks:  "API server to admission-webhooks",
	check.EdgePeers:     "metrics-apiserver to operator, mutual",
	check.EdgeCustomCAs: "operator to custom CAs",
	check.EdgeOwn:       "API server to keda-trust",
}

// signs stand at the beginning of a line, where the eye runs down.
var signs = map[check.Verdict]struct{ sign, colour, word string }{
	check.Holds:        {"✓", green, "holds"},
	check.Warning:      {"!", yellow, "holds, with a warning"},
	check.Unknown:      {"?", yellow, "not known"},
	check.Broken:       {"✗", red, "broken"},
	check.NotInstalled: {"-", "", "not installed"},
}

// came says what came of what the Namespace asks for. Nothing of it is broken: what is
// published stays.
var came = map[check.Status]struct{ sign, colour, words string }{
	check.AskedPublished: {"✓", green, "what it asks keda-trust for is published"},
	check.AskedStaged:    {"✓", green, "what it asks keda-trust for is on its way, in stages"},
	check.AskedWaiting:   {"!", yellow, "what it asks keda-trust for is not published"},
	check.AskedRefused:   {"!", yellow, "what it asks keda-trust for is refused"},
	check.AskedUnknown:   {"?", yellow, "what it asks keda-trust for is not known"},
	check.AskedAudited:   {"-", "", "audited by keda-trust, which changes nothing"},
	check.AskedDisabled:  {"-", "", "disabled, so keda-trust takes out what it injected"},
	check.AskedUnmanaged: {"-", "", "not managed by keda-trust"},
}

func checkText(to screen, report check.Answer, now time.Time) string {
	var b strings.Builder
	as := came[report.Asked.Status]
	fmt.Fprintf(&b, "%s %s: %s\n", to.paint(as.colour, as.sign), to.paint(bold, "Namespace "+report.Namespace), to.paint(as.colour, as.words))
	for _, p := range report.Asked.Problems {
		writeProblem(&b, to, p)
	}
	writeFacts(&b, report.Asked.Facts)
	for _, edge := range report.Edges {
		as := signs[edge.Verdict]
		fmt.Fprintf(&b, "%s %s: %s\n", to.paint(as.colour, as.sign), to.paint(bold, edgeTitles[edge.Name]), to.paint(as.colour, as.word))
		for _, p := range edge.Problems {
			writeProblem(&b, to, p)
		}
		for _, side := range edge.Sides {
			writeSide(&b, to, side, now)
		}
		writeFacts(&b, edge.Facts)
	}
	return b.String()
}

func writeFacts(b *strings.Builder, facts []string) {
	for _, fact := range facts {
		fmt.Fprintf(b, "    %s\n", strings.Join(strings.Fields(fact), " "))
	}
}

func writeSide(b *strings.Builder, to screen, side check.Side, now time.Time) {
	if side.Who != "" {
		fmt.Fprintf(b, "    %s\n", side.Who)
	}
	for _, p := range side.Problems {
		writeProblem(b, to, p)
	}
	for _, served := range side.Served {
		fmt.Fprintf(b, "    served   %s\n", servedLine(served, now))
	}
	fmt.Fprintf(b, "    trusted  %s\n", trustedLine(side.Trusted, now))
	if side.Note != "" {
		fmt.Fprintf(b, "    note     %s\n", side.Note)
	}
	if side.Verifies && len(side.Served) > 0 {
		name := ""
		if side.Name != "" {
			name = " for " + side.Name
		}
		fmt.Fprintf(b, "    verifies%s, until %s\n", name, until(side.Ends, now))
	} else if side.Name != "" {
		verified := "not known to verify"
		if slices.ContainsFunc(side.Problems, func(p check.Problem) bool { return p.Verdict == check.Broken }) {
			verified = "not verified"
		}
		fmt.Fprintf(b, "    %s for %s\n", verified, side.Name)
	}
}

func servedLine(s check.Served, now time.Time) string {
	by := s.By
	if s.Pod != "" {
		by += " (pod " + s.Pod + ")"
	}
	switch s.Seen {
	case check.SeenByHandshake:
		return fmt.Sprintf("%s: %s, TLS %s", by, certificateLine(*s.Certificate, now), s.TLS)
	case check.SeenAsPublished:
		return fmt.Sprintf("%s, which is mounted: %s", by, certificateLine(*s.Certificate, now))
	}
	if s.Why == "" {
		return by + ": nothing"
	}
	return by + ": " + strings.Join(strings.Fields(s.Why), " ")
}

func trustedLine(t check.Trusted, now time.Time) string {
	const most = 5
	var names []string
	for _, c := range t.Certificates[:min(most, len(t.Certificates))] {
		names = append(names, certificateLine(c, now))
	}
	switch n := len(t.Certificates); {
	case n == 0:
		return t.From + ": no CA"
	case n > most:
		return fmt.Sprintf("%s: %d CAs: %s and %d more", t.From, n, strings.Join(names, "; "), n-most)
	case n > 1:
		return fmt.Sprintf("%s: %d CAs: %s", t.From, n, strings.Join(names, "; "))
	}
	return t.From + ": " + names[0]
}

func certificateLine(c check.Certificate, now time.Time) string {
	return fmt.Sprintf("%q (SHA-256 %s…, until %s)", c.Subject, c.SHA256[:16], until(c.NotAfter, now))
}

func writeProblem(b *strings.Builder, to screen, p check.Problem) {
	as := signs[p.Verdict]
	fmt.Fprintf(b, "    %s %s: %s: %s\n", to.paint(as.colour, as.sign), to.paint(as.colour, string(p.Reason)), p.Object, strings.Join(strings.Fields(p.Message), " "))
	if p.Mend != "" {
		fmt.Fprintf(b, "      to mend it: %s\n", p.Mend)
	}
}

// until is a moment and how far away it is, for who cannot count at this hour.
func until(t, now time.Time) string {
	text := t.UTC().Format(time.RFC3339)
	switch left := t.Sub(now); {
	case left < 0:
		return text + ", " + span(-left) + " ago"
	default:
		return text + ", in " + span(left)
	}
}

func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	}
	return fmt.Sprintf("%d minutes", int(d/time.Minute))
}
