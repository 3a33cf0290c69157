package cabundle

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

// untilPodsFollow is how long until to look whether KEDA's pods are where the
// caBundles are to be, zero where nothing has to be waited for:
//
//	mode      KEDA's Deployments                    for
//	disabled  one is injected yet                   its pods serve what the caBundle verifies
//	enabled   the operator rotates in some pod yet  it writes the caBundles anew on every event
//
// In neither case is anybody fought, and what the caBundles hold meanwhile is what
// pods serve.
func (l *look) untilPodsFollow(ctx context.Context) (time.Duration, error) {
	found, err := installation.Components(ctx, l.live, l.namespace())
	if apierrors.IsForbidden(err) { // disabled needs no grant
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	waits := found.Rotates()
	if l.mode == injector.ModeDisabled {
		waits = found.Injected()
	}
	if !waits {
		return 0, nil
	}
	logf.FromContext(ctx).V(1).Info("Waiting for KEDA's pods", "mode", l.mode)
	return podsInterval, nil
}
