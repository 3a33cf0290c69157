package webhook

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// maxWarningBytes is what a client shows of one warning without complaint;
	// an API server cuts all of them together at 4096.
	maxWarningBytes = 256
	maxWarnings     = 8
)

// quiet are the reasons that a writer asked for or need not hear of.
var quiet = map[injector.Reason]bool{
	injector.ReasonInjected:      true,
	injector.ReasonUninjected:    true,
	injector.ReasonPassedThrough: true,
	injector.ReasonOptedOut:      true,
	injector.ReasonNotKEDA:       true,
	injector.ReasonNothingToDo:   true,
	injector.ReasonKEDAIssues:    true,
}

// warnings are what is told to whoever writes: every fault and warning that was
// met, else why the object was not injected, if that is news.
func warnings(report injector.Report) []string {
	if len(report.Warnings) > 0 || quiet[report.Reason] {
		return limited(report.Warnings)
	}
	return limited([]string{fmt.Sprintf("%s: %s", report.Reason, report.Message)})
}

// limited drops repetitions, keeps each warning to one line that is shown whole,
// and their number to a handful.
func limited(all []string) []string {
	var short []string
	seen := map[string]bool{}
	for _, text := range all {
		text = clip("keda-trust: "+strings.Join(strings.Fields(text), " "), maxWarningBytes)
		if seen[text] {
			continue
		}
		seen[text] = true
		short = append(short, text)
	}
	if len(short) <= maxWarnings {
		return short
	}
	more := fmt.Sprintf("keda-trust: and %d more; keda-trust's log and the Events of the Namespace have them all", len(short)-maxWarnings+1)
	return append(short[:maxWarnings-1], more)
}

// clip cuts at a rune's edge and says that it did.
func clip(text string, limit int) string {
	const sign = " …"
	if len(text) <= limit {
		return text
	}
	end := limit - len(sign)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + sign
}
