package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/keda-trust/keda-trust/injector"
)

// accepted are the reasons of objects that are as their owner wants them.
var accepted = map[injector.Reason]bool{
	injector.ReasonInjected:      true,
	injector.ReasonUninjected:    true,
	injector.ReasonPassedThrough: true,
	injector.ReasonNothingToDo:   true,
	injector.ReasonOptedOut:      true,
	injector.ReasonNotKEDA:       true,
	injector.ReasonAudit:         true,
	injector.ReasonKEDAIssues:    true,
	// not refused: what was not given is told, and a cluster makes up for it
	injector.ReasonCANotGiven:      true,
	injector.ReasonIssuerNotGiven:  true,
	injector.ReasonOwnedElsewhere:  true,
	injector.ReasonBundleElsewhere: true,
}

// refused holds also for what was injected before and could not be brought to
// what is asked for now.
func refused(r injector.Report) bool { return !accepted[r.Reason] }

// writeReports writes one line an object.
func writeReports(w io.Writer, format string, reports []injector.Report) error {
	for _, r := range reports {
		line, err := []byte(textLine(r)), error(nil)
		if format == "json" {
			line, err = json.Marshal(r)
		}
		if err != nil {
			return fmt.Errorf("encoding the report on %s %s: %w", r.Kind, r.Name, err)
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}

func textLine(r injector.Report) string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	said := fmt.Sprintf("%s: %s", r.Reason, r.Message)
	line := fmt.Sprintf("%s %s: %s", r.Kind, name, said)
	for _, warning := range r.Warnings {
		if strings.HasPrefix(said, warning) {
			continue // the fault that the message is about
		}
		line += "; warning: " + warning
	}
	return strings.Join(strings.Fields(line), " ")
}
