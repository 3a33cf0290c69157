package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
)

// nudge writes once, and looks at what comes back.
func (p *pass) nudge(ctx context.Context, s *subject) error {
	component, was := s.component(), s.standing
	s.tried = true
	at := p.now.UTC().Truncate(time.Second)
	var before time.Time
	if s.deployment != nil {
		before = restartedAt(s.deployment, p.now)
	}
	p.tellContested(s)
	left := mark{at: at, strikes: s.memory.strikes}
	if s.standing.Restart {
		left.strikes = s.memory.struck(before, at, p.target)
	}
	object, err := p.write(ctx, s, left)
	switch {
	case apierrors.IsNotFound(err):
		return nil // its deletion is told by a watch
	case refused(err):
		s.memory.tried(before, at, p.target, false, false)
		p.concluded(ctx, s, was, resultRefused, "the API server refuses the write: "+err.Error())
		return nil
	case err != nil:
		p.count(component, was, resultFailed)
		return fmt.Errorf("nudging %s: %w", s, err)
	}
	restarted := changesTemplate(s.deployment, object)
	s.object = object
	if err := p.stand(s); err != nil {
		return err
	}
	s.memory.tried(before, at, p.target, !s.standing.Nudge, restarted)
	if restarted {
		if was.Why == "" {
			was.Why = injector.ReasonStateChanged // published a moment ago
		}
		p.restarted(s, component, was.Why)
	}
	if s.standing.Nudge {
		p.concluded(ctx, s, was, resultUnanswered, "it came back without: either the API server reaches no replica of keda-trust, or another webhook changes what keda-trust answers")
		return nil
	}
	p.count(component, was, resultAnswered)
	logf.FromContext(ctx).Info("Nudged", "object", s.String(), "component", component, "for", p.want,
		"reason", was.Report.Reason, "restarted", restarted, "why", was.Why)
	return nil
}

// refused says whether the API server has said no, be it for a webhook that it could
// not call: then nothing changes until somebody does something. What passes by itself
// is none, and an answer that did not come.
func refused(err error) bool {
	var answer apierrors.APIStatus
	passes := apierrors.IsConflict(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err)
	return errors.As(err, &answer) && !passes
}

// changesTemplate compares what was read with what came back. A Deployment's
// generation does not tell: it grows with every change of an annotation.
func changesTemplate(before *appsv1.Deployment, object client.Object) bool {
	after, ok := object.(*appsv1.Deployment)
	return ok && !equality.Semantic.DeepEqual(before.Spec.Template, after.Spec.Template)
}

// concluded is the end of a nudge that did not do what it should.
func (p *pass) concluded(ctx context.Context, s *subject, was injector.Standing, result, problem string) {
	p.count(s.component(), was, result)
	p.lookAt(s.memory.tryAt())
	logf.FromContext(ctx).Info("A nudge is not answered", "object", s.String(), "component", s.component(),
		"for", p.want, "tries", s.memory.tries, "result", result, "problem", problem)
	p.tellUnanswered(s, problem)
}

// write sets the one annotation, to what it leaves. What comes back goes into an empty
// object: to decode it over another leaves what is gone.
func (p *pass) write(ctx context.Context, s *subject, left mark) (client.Object, error) {
	meta := metav1.ObjectMeta{Namespace: s.object.GetNamespace(), Name: s.object.GetName()}
	var object client.Object = &apiregistrationv1.APIService{ObjectMeta: meta}
	if s.deployment != nil {
		object = &appsv1.Deployment{ObjectMeta: meta}
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{injector.AnnotationNudge: left.String()},
	}})
	if err != nil {
		return nil, fmt.Errorf("encoding a nudge: %w", err)
	}
	err = p.writer.Patch(ctx, object, client.RawPatch(types.MergePatchType, body), client.FieldOwner(injector.Name))
	return object, err
}

// count has as reason why the nudge restarts the subject, else what it makes of it.
func (p *pass) count(component string, was injector.Standing, result string) {
	reason := was.Why
	if reason == "" {
		reason = was.Report.Reason
	}
	nudges.WithLabelValues(p.namespace.Name, component, string(reason), result).Inc()
}
