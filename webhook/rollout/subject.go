package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

// componentAPIService stands where a component of KEDA stands in metrics.
const componentAPIService = "apiservice"

// subject is one live object with how it stands.
type subject struct {
	object     client.Object
	deployment *appsv1.Deployment // the object, nil for the APIService
	standing   injector.Standing
	memory     *memory
	// tried: this pass has nudged it.
	tried bool
}

// key has the UID, for one that was made anew has no past.
func (s *subject) key() string { return string(s.object.GetUID()) }

func (s *subject) String() string {
	if s.deployment == nil {
		return "APIService " + s.object.GetName()
	}
	return "Deployment " + client.ObjectKeyFromObject(s.object).String()
}

func (s *subject) component() string {
	if s.deployment == nil {
		return componentAPIService
	}
	return s.standing.Report.Component
}

// readAPIService makes it a subject, where it points to this KEDA.
func (p *pass) readAPIService(ctx context.Context) error {
	api := &apiregistrationv1.APIService{}
	err := p.live.Get(ctx, types.NamespacedName{Name: injector.KEDAAPIService}, api)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading APIService %s: %w", injector.KEDAAPIService, err)
	}
	if err != nil || api.Spec.Service == nil || api.Spec.Service.Namespace != p.namespace.Name {
		return nil
	}
	return p.add(&subject{object: api})
}

// readDeployments makes all of them subjects that admission would change, be they one
// too many of a component or none any more.
func (p *pass) readDeployments(ctx context.Context) error {
	list := &appsv1.DeploymentList{}
	if err := p.live.List(ctx, list, client.InNamespace(p.namespace.Name)); err != nil {
		return fmt.Errorf("listing Deployments in Namespace %s: %w", p.namespace.Name, err)
	}
	if p.mode == injector.ModeDisabled {
		p.manual = p.asksForManual(list.Items)
	}
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp != nil {
			continue
		}
		if err := p.add(&subject{object: &list.Items[i]}); err != nil {
			return err
		}
	}
	slices.SortStableFunc(p.subjects, p.inOrder)
	p.memories.keep(p.subjects)
	return nil
}

// asksForManual reads that from annotations, for a disabled namespace has no state.
func (p *pass) asksForManual(deployments []appsv1.Deployment) bool {
	all := make([]*appsv1.Deployment, len(deployments))
	for i := range deployments {
		all[i] = &deployments[i]
	}
	found, _ := injector.NewInstallation(p.namespace.Name, all, nil, nil)
	options, _ := found.Options(injector.Layer{Object: "Namespace " + p.namespace.Name, Annotations: p.namespace.Annotations})
	return options.ManualRollout
}

// readPublished finds out what is to be carried out: the published state, or, where the
// namespace is disabled, nothing.
func (p *pass) readPublished(ctx context.Context) error {
	if p.mode == injector.ModeDisabled {
		p.want = string(injector.ModeDisabled)
		return nil
	}
	published, err := installation.Published(ctx, p.live, p.namespace.Name)
	if err != nil || published.State == nil {
		return err
	}
	p.state, p.want, p.target, p.manual = published.State, published.State.ID, published.Target, published.State.ManualRollout
	return nil
}

func (p *pass) add(s *subject) error {
	p.subjects = append(p.subjects, s)
	if err := p.stand(s); err != nil {
		return err
	}
	s.memory.learn(s.object.GetAnnotations()[injector.AnnotationNudge], p.now)
	return nil
}

// stand says how the subject stands, which its object's kind must be known for:
// objects that were read have none.
func (p *pass) stand(s *subject) error {
	switch object := s.object.(type) {
	case *appsv1.Deployment:
		object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
		s.deployment = object
	default:
		object.GetObjectKind().SetGroupVersionKind(apiregistrationv1.SchemeGroupVersion.WithKind("APIService"))
	}
	raw, err := json.Marshal(s.object)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", s, err)
	}
	s.standing = injector.Stand(injector.Request{Object: raw, Mode: p.mode, State: p.state})
	s.memory = p.memories.of(s.key())
	return nil
}

// inOrder has the APIService first, for its nudge restarts nothing and a rotation
// waits for it, and what is no component any more last. Where things are taken out
// the APIService is held back until they are, and the operator is the first that
// restarts: the Secret that the others will mount is made by it, once it may.
func (p *pass) inOrder(a, b *subject) int {
	order := slices.Clone(injector.RolloutOrder)
	if p.mode == injector.ModeDisabled {
		slices.Reverse(order)
	}
	place := func(s *subject) int {
		if s.deployment == nil {
			return -1
		}
		if i := slices.Index(order, injector.Component(s.component())); i >= 0 {
			return i
		}
		return len(order)
	}
	if difference := place(a) - place(b); difference != 0 {
		return difference
	}
	return strings.Compare(a.object.GetName(), b.object.GetName())
}
