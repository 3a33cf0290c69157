package consumers

import (
	"fmt"
	"time"

	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/progress"
)

// lacks says what is missing in a Deployment's template, empty for nothing.
func lacks(m injector.Mounting, s injector.State) string {
	switch {
	case s.CertificateSecret == injector.PublishedSecret && !m.Published:
		return "does not mount Secret " + injector.PublishedSecret
	case m.ReadsOnce && m.Digest != s.CertificateDigest:
		return "has to restart with what is published, for its version of KEDA reads its certificate only at its start"
	}
	return ""
}

// rollsOut says what keeps the template of a Deployment from being that of all its
// pods, empty where nothing does that matters. It is pure.
//
//	pods                                            rollout              problem
//	all of the template and available, or none      any                  none
//	none available                                  down before          none: nobody is served by it
//	some of an earlier template, which reads once   paused               paused: it does not mend itself
//	some of an earlier template, which reads once   any other            under way, however long
//	none of an earlier template, and it reads again any                  none: endpoints show the rest
//	any other                                       stalled, down before none: endpoints show the rest
//	any other                                       paused, or under way that
//
// One that reads its certificate once is restarted again by the next stage, and so
// not before it is available.
func rollsOut(m injector.Mounting, since, now time.Time) string {
	d, made := m.Deployment, progress.Of(m.Deployment, since, now)
	unread := made.OldLeft && m.ReadsOnce
	switch {
	case made.Done, d.Status.ObservedGeneration == 0, made.Down && d.Status.AvailableReplicas == 0:
		return ""
	case !unread && (made.Stalled || made.Down), !made.OldLeft && !m.ReadsOnce:
		return ""
	case made.OldLeft && made.Paused:
		return fmt.Sprintf("is paused, and has pods of before what is published; resume it: kubectl rollout resume deployment -n %s %s", d.Namespace, d.Name)
	}
	return fmt.Sprintf("restarts with what is published: %d of %d replicas updated, %d available",
		d.Status.UpdatedReplicas, ptr.Deref(d.Spec.Replicas, 1), d.Status.AvailableReplicas)
}
