package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/patched"
	"github.com/keda-trust/keda-trust/webhook/rollout"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

// Preview is what enabling does.
type Preview struct {
	// Enabled and Disabled: the Namespace has the label already, with that value.
	// Released: it had the label, and has it no longer.
	Enabled, Disabled, Released bool
	// Resolution is what the sources and options give; its State is nil where a
	// finding is a fault, but of custom CAs alone, or nothing can be decided yet.
	Resolution injector.Resolution
	// Published is the state that is published and in force, nil without any.
	Published *injector.State
	// Left is the state that was left behind when the Namespace lost its label. What was
	// injected from it stays, but it is carried out no more.
	Left *injector.State
	// Carried is the state that the objects are to carry: one of the two above, or
	// nil, and then nothing changes.
	Carried *injector.State
	// Lag is how what is published, if that is carried, lags behind the Resolution.
	Lag Lag
	// Staged: another certificate than the one in use is to come, in stages, or that
	// may be, where the one in use may not be read.
	Staged bool
	// Objects are KEDA's, in the order in which they change: first what restarts
	// nothing, the APIService before all, and then one after the other what does.
	Objects []Object
}

// Object is one object of KEDA's, with JSON as the API server has it, and as it
// would be.
type Object struct {
	Before, After []byte
	Report        injector.Report
	// Carries: it stands as the carried state wants it, so that keda-trust does not
	// write it; what differs is from another version of keda-trust, and changes when
	// somebody else next writes the object.
	Carries bool
	// Restarts: keda-trust's write replaces its pods.
	Restarts bool
	// NotBefore is when it may restart at the earliest, for keda-trust restarted it not
	// long ago; zero where nothing is known to hold it up.
	NotBefore time.Time
	// ReadsOnce: it reads its certificate only when it starts, so that each stage of a
	// change restarts it.
	ReadsOnce bool
}

// Unstaged says whether another certificate is carried at once, so that handshakes may fail
// until KEDA's pods have restarted.
func (p Preview) Unstaged() bool {
	return p.Carried != nil && p.Carried.Unstaged(cmp.Or(p.Published, p.Left))
}

// Restarts are the Deployments that restart, in their order. With a manual rollout
// they only do when somebody else next writes them.
func (p Preview) Restarts() []Object {
	return slices.DeleteFunc(slices.Clone(p.Objects), func(o Object) bool { return !o.Restarts })
}

// InStages says whether an object that restarts does so at each stage of a change of
// certificate, of which there are three.
func (p Preview) InStages(o Object) bool { return p.Staged && o.Restarts && o.ReadsOnce }

// done are the reasons of objects that are as keda-trust wants them, or left to
// whoever else fills them.
var done = map[injector.Reason]bool{
	injector.ReasonInjected: true, injector.ReasonNothingToDo: true, injector.ReasonOptedOut: true, injector.ReasonNotKEDA: true,
	injector.ReasonPassedThrough: true, injector.ReasonKEDAIssues: true, injector.ReasonNotPublished: true,
	injector.ReasonOwnedElsewhere: true, injector.ReasonBundleElsewhere: true,
}

// Refused tells that the sources, the options or an object are at fault, so that not all is
// done that was asked for.
func (p Preview) Refused() bool {
	if len(injector.Faults(p.Resolution.Findings)) > 0 {
		return true
	}
	return slices.ContainsFunc(p.Objects, func(o Object) bool { return !done[o.Report.Reason] })
}

// Read looks at the installation in namespace, with the options of over laid over
// the annotations of the Namespace. An error is a failure to read.
func Read(ctx context.Context, reader trust.Reader, namespace string, over ...injector.Layer) (Preview, error) {
	ns := &corev1.Namespace{}
	if err := reader.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		return Preview{}, fmt.Errorf("reading Namespace %s: %w", namespace, err)
	}
	decision, err := reader.Decide(ctx, ns, over...)
	if err != nil {
		return Preview{}, err
	}
	published, err := installation.Published(ctx, reader.Live, namespace)
	if err != nil {
		return Preview{}, err
	}
	mode, wrong := injector.ParseMode(ns.Name, ns.Labels) // a wrong value is mended by enabling
	p := Preview{
		Enabled: mode == injector.ModeEnabled, Disabled: mode == injector.ModeDisabled,
		Resolution: decision.Resolution, Published: published.State, Left: published.Left,
	}
	p.Released = mode == injector.ModeUnmanaged && len(wrong) == 0 && cmp.Or(p.Published, p.Left) != nil
	request := injector.Request{Mode: injector.ModeEnabled, ValidatingWebhook: decision.Installation.ValidatingWebhookName()}
	p.Carried, p.Lag = p.carried(asks(over)), p.lag(published, asks(over))
	if request.State = p.Carried; request.State == nil {
		request.Findings = p.Resolution.Findings
	}
	if p.Staged, err = staged(ctx, reader, decision); err != nil {
		return Preview{}, err
	}
	for _, target := range targets(decision.Installation) {
		object, err := target.change(ctx, reader.Live, request, decision.At)
		if err != nil {
			return Preview{}, err
		}
		if p.Carried == nil { // and keda-trust writes nothing before something is published
			object.After = object.Before
		}
		p.Objects = append(p.Objects, object)
	}
	slices.SortStableFunc(p.Objects, restartsLast)
	return p, nil
}

func restartsLast(a, b Object) int {
	switch {
	case a.Restarts == b.Restarts:
		return 0
	case a.Restarts:
		return 1
	}
	return -1
}

func asks(over []injector.Layer) bool {
	for _, layer := range over {
		if len(layer.Annotations) > 0 {
			return true
		}
	}
	return false
}

// carried picks the state.
//
//	resolved   published   enabled   options tried   carried
//	no         any         any       any             published
//	yes        no          any       any             resolved
//	yes        yes         yes       no              published
//	yes        yes         no        any             resolved
//	yes        yes         yes       yes             resolved
func (p Preview) carried(tried bool) *injector.State {
	resolved := p.Resolution.State
	if resolved == nil || p.Published != nil && p.Enabled && !tried {
		return p.Published
	}
	return resolved
}

// target is an object to look at.
type target struct {
	kind            schema.GroupVersionKind
	namespace, name string
	readsOnce       bool
}

func targets(i injector.Installation) []target {
	var out []target
	if i.APIService != nil {
		out = append(out, target{kind: apiregistrationv1.SchemeGroupVersion.WithKind("APIService"), name: i.APIService.Name})
	}
	if i.ValidatingWebhook != nil {
		out = append(out, target{kind: admissionregistrationv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"), name: i.ValidatingWebhook.Name})
	}
	once := map[injector.Component]bool{}
	for _, m := range i.Mountings() {
		once[m.Component] = m.ReadsOnce
	}
	for _, component := range injector.RolloutOrder {
		if d := i.Deployments[component]; d != nil {
			out = append(out, target{appsv1.SchemeGroupVersion.WithKind("Deployment"), d.Namespace, d.Name, once[component]})
		}
	}
	return out
}

// change reads the object whole, fields that our types do not know included, as
// admission gets it.
func (t target) change(ctx context.Context, live client.Reader, request injector.Request, now time.Time) (Object, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(t.kind)
	if err := live.Get(ctx, types.NamespacedName{Namespace: t.namespace, Name: t.name}, object); err != nil {
		return Object{}, fmt.Errorf("reading %s %s: %w", t.kind.Kind, t.name, err)
	}
	raw, err := object.MarshalJSON()
	if err != nil {
		return Object{}, fmt.Errorf("encoding %s %s: %w", t.kind.Kind, t.name, err)
	}
	request.Object, request.OldObject = raw, raw
	result := injector.Inject(request)
	after, err := patched.Object(raw, result)
	if err != nil {
		return Object{}, fmt.Errorf("changing %s %s: %w", t.kind.Kind, t.name, err)
	}
	differ, err := templatesDiffer(raw, after)
	if err != nil {
		return Object{}, fmt.Errorf("comparing %s %s: %w", t.kind.Kind, t.name, err)
	}
	standing := injector.Stand(request)
	o := Object{
		Before: raw, After: after, Report: result.Report,
		Carries: request.State != nil && !standing.Nudge, Restarts: standing.Restart && differ, ReadsOnce: t.readsOnce,
	}
	if o.Restarts && !request.State.ManualRollout {
		o.NotBefore, err = notBefore(raw, standing.Why, now)
	}
	return o, err
}

// notBefore is nothing for another certificate: its next stage does not wait, and only the
// leader knows what that is a stage of.
func notBefore(raw []byte, why injector.Reason, now time.Time) (time.Time, error) {
	d := &appsv1.Deployment{}
	if err := json.Unmarshal(raw, d); err != nil || why == injector.ReasonCertificateChanged {
		return time.Time{}, err
	}
	return rollout.NotBefore(d, now), nil
}

// templatesDiffer is false for what has no pod template.
func templatesDiffer(before, after []byte) (bool, error) {
	type templated struct {
		Spec struct {
			Template map[string]any `json:"template"`
		} `json:"spec"`
	}
	var was, is templated
	if err := json.Unmarshal(before, &was); err != nil {
		return false, err
	}
	if err := json.Unmarshal(after, &is); err != nil {
		return false, err
	}
	return !equality.Semantic.DeepEqual(was.Spec.Template, is.Spec.Template), nil
}
