package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

// Looker observes an installation, as far as its client may.
type Looker struct {
	// Live reads from the API server, and makes the dry run.
	Live client.Client
	// Ways lead to the pods, the best first.
	Ways []Way
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// Check looks and judges. An error means that nothing could be looked at.
func (l Looker) Check(ctx context.Context, namespace string) (Answer, error) {
	seen, err := l.Look(ctx, namespace)
	if err != nil {
		return Answer{}, err
	}
	return Judge(seen), nil
}

// Look observes. What may not be read is an observation too; an error is that
// KEDA itself could not be looked for, or is not there.
func (l Looker) Look(ctx context.Context, namespace string) (Observed, error) {
	found, findings, err := installation.ReadAsTold(ctx, l.Live, namespace)
	if err != nil {
		return Observed{}, err
	}
	if faults := injector.Faults(findings); len(faults) > 0 {
		return Observed{}, fmt.Errorf("recognising KEDA: %s", faults[0])
	}
	if len(found.Deployments) == 0 && found.APIService == nil && found.ValidatingWebhook == nil {
		return Observed{}, l.nothing(ctx, namespace)
	}
	o := Observed{Now: l.now(), Installation: found}
	if o.Orders, err = l.orders(ctx, namespace); err != nil {
		return Observed{}, err
	}
	o.State = o.Orders.inForce()
	for _, server := range found.Servers() {
		o.Servers = append(o.Servers, l.server(ctx, namespace, server))
	}
	if err := l.mounted(ctx, &o); err != nil {
		return Observed{}, err
	}
	o.Own = l.own(ctx)
	return o, nil
}

// orders reads what the Namespace asks for. What its sources give is of no account to
// the edges, so a failure to read them is only noted.
func (l Looker) orders(ctx context.Context, namespace string) (Orders, error) {
	published, err := installation.Published(ctx, l.Live, namespace)
	if err != nil && !apierrors.IsForbidden(err) {
		return Orders{}, err
	}
	o := Orders{Published: published, Err: err}
	ns := &corev1.Namespace{}
	if err := l.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		o.Mode, o.Err = modeUnknown, fmt.Errorf("reading Namespace %s: %w", namespace, err)
		return o, nil
	}
	o.Mode, o.Wrong = injector.ParseMode(ns.Name, ns.Labels)
	if o.Mode != injector.ModeEnabled && o.Mode != injector.ModeAudit {
		return o, nil
	}
	decision, err := trust.Reader{Live: l.Live, AsUser: true, Now: l.Now}.Decide(ctx, ns)
	o.Resolution, o.Err = decision.Resolution, errors.Join(o.Err, err)
	ungranted, err := installation.NotGranted(ctx, l.Live, namespace)
	if ungranted != nil {
		o.Resolution = injector.Resolution{Findings: append(o.Resolution.Findings, *ungranted)}
	}
	o.Err = errors.Join(o.Err, err)
	return o, nil
}

// nothing says why there is no KEDA, as far as that is to be seen.
func (l Looker) nothing(ctx context.Context, namespace string) error {
	if err := l.Live.Get(ctx, types.NamespacedName{Name: namespace}, &corev1.Namespace{}); apierrors.IsNotFound(err) {
		return fmt.Errorf("looking for KEDA: Namespace %s does not exist; name KEDA's with -n", namespace)
	}
	return fmt.Errorf("looking for KEDA in Namespace %s: there is none; name its Namespace with -n", namespace)
}

func (l Looker) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

func (l Looker) server(ctx context.Context, namespace string, server injector.Server) Server {
	ready, err := endpoints.Ready(ctx, l.Live, namespace, server)
	return Server{Server: server, Namespace: namespace, Sightings: l.sightings(ctx, namespace, ready), Err: err}
}

// mounted reads what pods mount, each object once.
func (l Looker) mounted(ctx context.Context, o *Observed) error {
	read := &reading{reader: trust.Reader{Live: l.Live, Now: l.Now}, namespace: o.Installation.Namespace, known: injector.Contents{}}
	o.Serving, o.Peer, o.Trusts = map[injector.Component]Material{}, map[injector.Component]Material{}, map[injector.Component]Material{}
	for component := range o.Installation.Deployments {
		o.Serving[component] = read.material(ctx, o.Installation.ServingMounts(component), "tls.crt")
		peer := o.Installation.PeerMounts(component)
		o.Peer[component], o.Trusts[component] = read.material(ctx, peer, "tls.crt"), read.material(ctx, peer, "ca.crt")
	}
	_, mounted := o.Installation.CustomCAs()
	for _, m := range mounted {
		o.CustomCAs = append(o.CustomCAs, read.customCA(ctx, m))
	}
	return read.err
}

// reading reads objects once, and keeps the failures that are no observation.
type reading struct {
	reader    trust.Reader
	namespace string
	known     injector.Contents
	err       error
}

func (r *reading) content(ctx context.Context, source injector.Source) injector.Content {
	if content, read := r.known[source]; read {
		return content
	}
	contents, err := r.reader.Contents(ctx, r.namespace, []injector.Source{source})
	if err != nil {
		r.err = errors.Join(r.err, err)
		return injector.Content{Err: err}
	}
	r.known[source] = contents[source]
	return contents[source]
}

func (r *reading) material(ctx context.Context, mounted []injector.Mounted, file string) Material {
	m, key, found := injector.MountedFile(mounted, file)
	if !found || m.Source.Kind == "" {
		return Material{}
	}
	content := r.content(ctx, m.Source)
	return Material{From: m.Source.Describe(r.namespace), Certificates: lenient(content.Data[key]), Err: content.Err}
}

func (r *reading) customCA(ctx context.Context, m injector.Mounted) CustomCA {
	if m.Source.Kind == "" {
		return CustomCA{From: "volume " + m.Volume, Blind: true}
	}
	content := r.content(ctx, m.Source)
	out := CustomCA{From: m.Source.Describe(r.namespace), Files: map[string][]byte{}, Optional: m.Optional, Err: content.Err}
	for file, key := range m.Keys {
		if text, found := content.Data[key]; found || !m.Optional { // a kubelet leaves out what is optional
			out.Files[file] = text
		}
	}
	if m.Keys == nil {
		out.Files = content.Data
	}
	return out
}
