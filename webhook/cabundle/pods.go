package cabundle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/progress"
)

// podsBehind are the Deployments, as NAMESPACE/NAME, that have to be where the
// caBundles are to be before these change, none where nothing has to be waited for:
//
//	mode      waited for                              since
//	disabled  one that is injected yet                its pods are still to follow
//	disabled  the webhooks' last pod that was         it serves what the caBundle verifies
//	enabled   the operator's last pod that rotates    it writes the caBundles anew on every event
//
// In no case is anybody fought, and what the caBundles hold meanwhile is what
// pods serve.
func (l *look) podsBehind(ctx context.Context) ([]string, error) {
	found, err := installation.Components(ctx, l.live, l.namespace())
	if apierrors.IsForbidden(err) { // disabled needs no grant
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var behind []string
	for component, d := range found.Deployments {
		waits := component == injector.ComponentOperator && found.Rotates()
		if l.mode == injector.ModeDisabled {
			waits = injected(d) || component == injector.ComponentAdmissionWebhooks && progress.Of(d, l.now, l.now).OldLeft
		}
		if waits {
			behind = append(behind, d.Namespace+"/"+d.Name)
		}
	}
	slices.Sort(behind)
	return behind, nil
}

func injected(d *appsv1.Deployment) bool {
	_, recorded := d.Annotations[injector.AnnotationInjected]
	return recorded
}

// waitFor tells of a wait that lasts, for a rollout that hangs does not end it.
func (l *look) waitFor(ctx context.Context, d decision, behind []string) {
	if l.dispute.waits.IsZero() {
		l.dispute.waits = l.now
		logf.FromContext(ctx).Info("Waiting for KEDA's pods before writing caBundles", "object", describe(d.before), "mode", l.mode, "deployments", behind)
	}
	if l.now.Sub(l.dispute.waits) >= podsPatience {
		l.tell(d.report, l.waiting(d, behind))
	}
}

func (l *look) waiting(d decision, behind []string) injector.Finding {
	message := "is left as KEDA's operator wrote it, which writes it anew for as long as one of its pods rotates the certificate itself"
	if l.mode == injector.ModeDisabled {
		message = "stays as it is until nothing that was injected runs any more"
	}
	return injector.Finding{
		Reason: injector.ReasonBundleWaiting, Object: describe(d.before), Field: field, Warning: true,
		Message: fmt.Sprintf("%s; see the Events and the rollout of Deployment %s", message, strings.Join(behind, ", ")),
	}
}
