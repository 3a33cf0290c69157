package consumers

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
)

// restarted says what keeps a component from having restarted with what is
// published, empty where nothing does. It is pure.
//
//	template carries it  rollout                        problem
//	no                   -                              not told to restart
//	yes                  complete                       none
//	yes                  past its progress deadline     none: it would hold up all others for ever
//	yes                  unavailable since before       none: nobody is served by it
//	yes                  under way                      restarts
func restarted(r injector.Restarting, p Published) string {
	d := r.Deployment
	switch {
	case r.Digest != p.State.CertificateDigest:
		return "has to restart with what is published, for its version of KEDA reads its certificate only at its start"
	case complete(d), stuck(d), unavailableBefore(d, p.Since):
		return ""
	}
	return fmt.Sprintf("restarts with what is published: %d of %d replicas updated, %d available",
		d.Status.UpdatedReplicas, ptr.Deref(d.Spec.Replicas, 1), d.Status.AvailableReplicas)
}

func complete(d *appsv1.Deployment) bool {
	want, s := ptr.Deref(d.Spec.Replicas, 1), d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas == want
}

func stuck(d *appsv1.Deployment) bool {
	c := condition(d, appsv1.DeploymentProgressing)
	return d.Status.ObservedGeneration >= d.Generation && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded"
}

func unavailableBefore(d *appsv1.Deployment, published time.Time) bool {
	c := condition(d, appsv1.DeploymentAvailable)
	return c.Status == corev1.ConditionFalse && c.LastTransitionTime.Time.Before(published)
}

func condition(d *appsv1.Deployment, of appsv1.DeploymentConditionType) appsv1.DeploymentCondition {
	for _, c := range d.Status.Conditions {
		if c.Type == of {
			return c
		}
	}
	return appsv1.DeploymentCondition{}
}
