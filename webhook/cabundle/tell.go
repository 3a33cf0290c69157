package cabundle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
)

const field = "clientConfig.caBundle"

// wrote counts and tells a write. What changed annotations alone is no news.
func (l *look) wrote(ctx context.Context, d decision, lost loss) {
	reason := reasonOf(d, lost)
	writes.WithLabelValues(l.namespace(), string(reason)).Inc()
	logf.FromContext(ctx).Info("Wrote caBundles", "object", describe(d.before), "reason", reason, "webhooks", d.changed, "state", d.want)
	if len(d.changed) == 0 {
		return
	}
	l.teller.Event(l.audience, corev1.EventTypeNormal, reason, note(d, reason, lost))
}

// reasonOf says what a write was for, and not what the object asks for: where that has
// opted out nothing is written, but once to take out what was injected before.
func reasonOf(d decision, lost loss) injector.Reason {
	switch {
	case len(lost.webhooks) > 0:
		return injector.ReasonBundleRestored
	case d.report.Reason == injector.ReasonOptedOut:
		return injector.ReasonUninjected
	}
	return d.report.Reason
}

func note(d decision, reason injector.Reason, lost loss) string {
	webhooks := strings.Join(d.changed, ", ")
	switch reason {
	case injector.ReasonInjected:
		return fmt.Sprintf("%s: the caBundle of %s is that of the published state %s", describe(d.before), webhooks, d.want)
	case injector.ReasonBundleRestored:
		text := fmt.Sprintf("%s: the caBundle of %s is that of the published state %s again, for that of %s was replaced", describe(d.before), webhooks, d.want, strings.Join(lost.webhooks, ", "))
		for _, by := range lost.by {
			text += "; " + by.String()
		}
		return text
	}
	return fmt.Sprintf("%s: the caBundle of %s is what it was without keda-trust: %s", describe(d.before), webhooks, d.report.Reason.Sentence())
}

// tell has everything that lasts: what the seam found, and who contests.
func (l *look) tell(report injector.Report, more ...injector.Finding) {
	object := report.Kind + " " + report.Name
	findings := slices.Concat(report.Findings, more)
	if report.Reason == injector.ReasonAudit && len(report.Warnings) > 0 {
		findings = append(findings, injector.Finding{Reason: injector.ReasonAudit, Object: object, Message: would(report, object), Warning: true})
	}
	authors := l.dispute.authors(l.now)
	for _, a := range authors {
		findings = append(findings, injector.Finding{Reason: injector.ReasonBundleContested, Object: object, Field: field, Message: contest(a), Warning: true})
	}
	contested.WithLabelValues(l.namespace()).Set(float64(min(len(authors), 1)))
	l.teller.Findings(l.audience, findings)
}

// would joins what audit says into one sentence: a webhook each would fill the
// list of Events.
func would(report injector.Report, object string) string {
	var sentences []string
	for _, warning := range report.Warnings {
		sentences = append(sentences, strings.TrimPrefix(warning, "audit: "+object+": "))
	}
	return strings.Join(sentences, "; ")
}

// contest is told of each author, and none of several need be the last of all.
func contest(a author) string {
	return fmt.Sprintf("is replaced again and again while the published state stays the same, and is put back at most once a minute. "+
		"Have whoever does that leave the field out, or label this object %s=%s to leave the field to them; who last wrote what was found there, once or more often: %s",
		injector.LabelInject, injector.ModeDisabled, a)
}

func notGranted(err error) injector.Finding {
	return injector.Finding{
		Reason: injector.ReasonBundleNotGranted, Object: kind.Kind + " " + injector.KEDAValidatingWebhook, Field: field,
		Message: fmt.Sprintf("the chart grants it by the ClusterRole keda-trust and its binding; install the chart again to put them back: %v", err),
	}
}
