package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/preview"
)

// printPreview writes the differences and then, where a terminal stops, what they
// amount to.
func printPreview(to screen, namespace string, p preview.Preview) error {
	changed := 0
	for _, object := range p.Objects {
		text, err := unified(nameOf(object.Report), object.Before, object.After)
		if err != nil {
			return err
		}
		if text == "" {
			continue
		}
		changed++
		if err := to.printDiff(text); err != nil {
			return err
		}
	}
	lines := []string{}
	if changed > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, summary(to, namespace, p, changed)...)
	_, err := io.WriteString(to.out, strings.Join(lines, "\n")+"\n")
	return err
}

func nameOf(r injector.Report) string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

func summary(to screen, namespace string, p preview.Preview, changed int) []string {
	var lines []string
	switch {
	case p.Disabled:
		lines = append(lines, to.paint(bold, "Label")+": disabled, so what was injected is taken out; this is what enabling does afterwards")
	case p.Released:
		lines = append(lines, to.paint(bold, "Label")+": none any more, so what was injected stays, and is not kept true; this is what enabling does")
	}
	lines = append(lines, to.paint(bold, "State")+": "+stateLine(namespace, p))
	lines = append(lines, lagLines(to, namespace, p)...)
	changes := fmt.Sprintf("%s: %d of %d objects", to.paint(bold, "Changes"), changed, len(p.Objects))
	if p.Lag != preview.LagNone && p.Carried == p.Published {
		changes += ", by what is published"
	}
	lines = append(lines, changes)
	for _, object := range p.Objects {
		if object.Report.Reason != injector.ReasonInjected {
			lines = append(lines, fmt.Sprintf("  %s: %s: %s", nameOf(object.Report), object.Report.Reason, object.Report.Message))
		}
		if object.Carries && !bytes.Equal(object.Before, object.After) {
			lines = append(lines, fmt.Sprintf("  %s: carries the state already, and changes when somebody else next writes it: this keda-trust injects otherwise than the one before", nameOf(object.Report)))
		}
		lines = append(lines, told("  "+nameOf(object.Report)+": ", object.Report)...)
	}
	lines = append(lines, restartLines(to, p)...)
	if p.Unstaged() {
		lines = append(lines, to.paint(bold, "Handshakes")+": "+to.paint(yellow, "may fail")+" until KEDA's pods have restarted, for this change of certificate is not staged")
	}
	return append(lines, proofLines(to, p)...)
}

// told are the warnings that the message does not have.
func told(indent string, r injector.Report) []string {
	var lines []string
	for _, warning := range r.Warnings {
		if !strings.HasPrefix(fmt.Sprintf("%s: %s", r.Reason, r.Message), warning) {
			lines = append(lines, indent+"warning: "+warning)
		}
	}
	return lines
}

func stateLine(namespace string, p preview.Preview) string {
	published, resolved := p.Published, p.Resolution.State
	switch {
	case p.Carried == nil:
		return "none, so nothing changes"
	case resolved == nil:
		return "the published one, " + published.ID + ", stays, for what the sources and options give now is " + ungiven(p.Resolution.Findings)
	case published == nil:
		return resolved.ID + ", which is to be published in Namespace " + namespace + ": " + contents(p)
	case published.ID == resolved.ID:
		return published.ID + ", which is published: " + contents(p)
	case p.Carried == published:
		return published.ID + ", which is published"
	}
	return resolved.ID + ", which is to replace the published " + published.ID + ": " + contents(p)
}

// ungiven says why the sources give no state.
func ungiven(findings []injector.Finding) string {
	switch {
	case unreadable(findings) != "":
		return "not known"
	case len(injector.Faults(findings)) > 0:
		return "refused"
	}
	return "not decided yet"
}

// lagLines say what the sources give beyond what is published, and why that is not yet.
func lagLines(to screen, namespace string, p preview.Preview) []string {
	events := "see the Events of the Namespace: kubectl events -n " + namespace + " --for namespace/" + namespace
	unpublished := "  keda-trust has not published it (yet); " + events
	head := to.paint(bold, "Sources") + ": "
	switch {
	case p.Lag == preview.LagNone, p.Lag == preview.LagUnknown && p.Published == nil:
		return nil
	case p.Lag == preview.LagUnknown:
		return []string{head + "not known, for your account may not read all of them"}
	case p.Published == nil:
		return []string{unpublished}
	}
	lines := []string{head + "they give " + p.Resolution.State.ID + ", which is not published yet: " + contents(p)}
	if p.Lag == preview.LagStaged {
		return append(lines, "  a change of certificate is under way, and "+p.Published.ID+" is a stage of it: the next follows when all of KEDA has this one; "+events)
	}
	return append(lines, unpublished)
}

// contents is what the resolved state has pods mount.
func contents(p preview.Preview) string {
	state := p.Resolution.State
	certificate := "certificates stay as they are"
	switch {
	case state.KEDAIssues:
		certificate = "the certificate is KEDA's own, Secret " + state.CertificateSecret
	case p.Resolution.Leaf.Certificate() != nil:
		certificate = "the certificate " + p.Resolution.Leaf.String()
	}
	if state.CustomCAConfigMap == "" {
		return certificate + ", no custom CAs"
	}
	return fmt.Sprintf("%s, %s in ConfigMap %s", certificate, count(p.Resolution.CustomCAs.Len(), "custom CA"), state.CustomCAConfigMap)
}

func restartLines(to screen, p preview.Preview) []string {
	restarts := p.Restarts()
	head := to.paint(bold, "Restarts") + ": "
	switch {
	case len(restarts) == 0:
		return []string{head + "none"}
	case p.Carried != nil && p.Carried.ManualRollout:
		head += "each when somebody else next writes it, for the rollout is manual"
	default:
		head += "one after the other, each when the one before is available"
	}
	lines := []string{head}
	for i, object := range restarts {
		line := fmt.Sprintf("  %d. %s (%s)", i+1, nameOf(object.Report), object.Report.Component)
		if p.InStages(object) {
			line += ", up to three times: once a stage of the change of certificate, which this KEDA reads only when it starts"
		}
		if at := object.NotBefore; !at.IsZero() {
			line += ", not before " + at.UTC().Format("15:04:05Z") + "; keda-trust restarted it not long ago"
		}
		lines = append(lines, line)
	}
	return lines
}

func proofLines(to screen, p preview.Preview) []string {
	head := to.paint(bold, "Proof") + ": "
	findings := p.Resolution.Findings
	faults := len(injector.Faults(findings))
	switch {
	case unreadable(findings) != "":
		head += to.paint(yellow, "not known") + ", for your account may not read all of it"
	case faults > 0:
		head += to.paint(red, fmt.Sprintf("refused, for %s", count(faults, "fault")))
	case p.Resolution.State == nil:
		head += to.paint(yellow, "nothing can be decided yet")
	case p.Resolution.State.KEDAIssues:
		head += to.paint(green, "holds") + ", as far as there is anything to prove: KEDA issues the certificate itself"
	case p.Resolution.Leaf.Certificate() == nil:
		head += to.paint(green, "holds") + ", as far as there is anything to prove: certificates stay as they are"
	default:
		head += to.paint(green, "holds")
	}
	lines := []string{head}
	for _, f := range findings {
		level := to.paint(red, "fault")
		if f.Warning {
			level = to.paint(yellow, "warning")
		}
		lines = append(lines, "  "+level+": "+strings.Join(strings.Fields(f.String()), " "))
	}
	return lines
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
