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
	reason := d.report.Reason
	if len(lost.webhooks) > 0 {
		reason = injector.ReasonBundleRestored
	}
	writes.WithLabelValues(l.namespace(), string(reason)).Inc()
	logf.FromContext(ctx).Info("Wrote caBundles", "object", describe(d.before), "reason", reason, "webhooks", d.changed, "state", d.want)
	if len(d.changed) == 0 {
		return
	}
	l.teller.Event(l.audience, corev1.EventTypeNormal, reason, note(d, reason, lost.by))
}

func note(d decision, reason injector.Reason, by writer) string {
	webhooks := strings.Join(d.changed, ", ")
	switch reason {
	case injector.ReasonInjected:
		return fmt.Sprintf("%s: the caBundle of %s is that of the published state %s", describe(d.before), webhooks, d.want)
	case injector.ReasonBundleRestored:
		return fmt.Sprintf("%s: the caBundle of %s was replaced by %s, and is again that of the published state %s", describe(d.before), webhooks, by, d.want)
	}
	return fmt.Sprintf("%s: the caBundle of %s is what it was without keda-trust: %s", describe(d.before), webhooks, reason.Sentence())
}

// tell has everything that lasts: what the seam found, and who contests.
func (l *look) tell(report injector.Report, more ...injector.Finding) {
	object := report.Kind + " " + report.Name
	findings := slices.Concat(report.Findings, more)
	if report.Reason == injector.ReasonAudit && len(report.Warnings) > 0 {
		findings = append(findings, injector.Finding{Reason: injector.ReasonAudit, Object: object, Message: would(report, object), Warning: true})
	}
	writers := l.dispute.writers(l.now)
	for _, w := range writers {
		findings = append(findings, injector.Finding{Reason: injector.ReasonBundleContested, Object: object, Field: field, Message: contest(w), Warning: true})
	}
	contested.WithLabelValues(l.namespace()).Set(float64(min(len(writers), 1)))
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

func contest(w writer) string {
	return fmt.Sprintf("is replaced again and again by %s while the published state stays the same; it is put back at most once a minute. "+
		"Have that writer leave the field out, or label this object %s=%s to leave the field to it", w, injector.LabelInject, injector.ModeDisabled)
}

func notGranted(err error) injector.Finding {
	return injector.Finding{
		Reason: injector.ReasonBundleNotGranted, Object: kind.Kind + " " + injector.KEDAValidatingWebhook, Field: field,
		Message: fmt.Sprintf("the chart grants it by the ClusterRole keda-trust and its binding; install the chart again to put them back: %v", err),
	}
}
