package trust

import (
	"cmp"
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// Reader gathers what the decision for one installation depends on.
type Reader struct {
	// Live reads from the API server: a cache would hold every Secret, and
	// would lag behind an apply of everything at once.
	Live client.Reader
	// AsUser: Live has the rights of somebody who looks, and not keda-trust's own.
	AsUser bool
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// Resolve decides for the installation in namespace. The incoming Deployment,
// which may be nil, is laid over the one of its name in the cluster. An error
// is a failure to read that may pass; what is wrong with the installation is in
// the findings.
func (r Reader) Resolve(ctx context.Context, namespace string, incoming *appsv1.Deployment) (injector.Resolution, error) {
	ns := &corev1.Namespace{}
	if err := r.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		return injector.Resolution{}, fmt.Errorf("reading Namespace %s: %w", namespace, err)
	}
	seen, err := r.read(ctx, ns, incoming)
	return seen.resolution, err
}

// reading is a decision with what it was made from.
type reading struct {
	resolution   injector.Resolution
	installation injector.Installation
	// immediate: a change of certificate is not staged.
	immediate bool
	// asked names what the annotations ask for.
	asked string
	// targets are the objects at whose change to decide anew.
	targets []watch.Target
	at      time.Time
}

func (r Reader) read(ctx context.Context, ns *corev1.Namespace, incoming *appsv1.Deployment, over ...injector.Layer) (reading, error) {
	found, findings, err := installation.Read(ctx, r.Live, ns.Name, incoming)
	if err != nil {
		return reading{}, err
	}
	layers := append([]injector.Layer{{Object: "Namespace " + ns.Name, Annotations: ns.Annotations}}, over...)
	options, invalid := found.Options(layers...)
	findings = append(findings, invalid...)
	withoutCustomCAs := options
	withoutCustomCAs.CustomCA = nil
	contents, targets, err := r.contents(ctx, ns.Name, options.Objects(found), withoutCustomCAs.Objects(found))
	if err != nil {
		return reading{}, err
	}
	asked, err := options.Digest()
	if err != nil {
		return reading{}, err
	}
	in := injector.ResolveInput{Options: options, Installation: found, Contents: contents, Now: r.now()}
	resolution := injector.Resolve(in)
	if resolution.State == nil && len(options.CustomCA) > 0 {
		if in.Published, err = r.publishedCustomCAs(ctx, ns.Name); err != nil {
			return reading{}, err
		}
		resolution = injector.Resolve(in)
	}
	resolution.Findings = append(findings, resolution.Findings...)
	if len(injector.Faults(findings)) > 0 {
		resolution = injector.Resolution{Findings: resolution.Findings}
	}
	return reading{
		resolution: resolution, installation: found, immediate: options.ImmediateRotation, asked: asked, targets: append(targets, standingTargets(ns.Name)...),
		at: in.Now,
	}, nil
}

// publishedCustomCAs are nil where nothing is published, or it can no longer be told
// what. Those of a state that is not in force count: pods may have them.
func (r Reader) publishedCustomCAs(ctx context.Context, namespace string) (*injector.CustomCAs, error) {
	published, err := installation.Published(ctx, r.Live, namespace)
	state := cmp.Or(published.State, published.Left)
	if apierrors.IsForbidden(err) || (err == nil && state == nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cas, err := r.customCAs(ctx, namespace, state)
	if err != nil {
		return nil, err
	}
	if state.CustomCAConfigMap != "" && state.CustomCAConfigMap != injector.CustomCAConfigMapName(cas) {
		return nil, nil
	}
	return &injector.CustomCAs{Dir: state.CustomCADir, CAs: cas}, nil
}

// customCAs are those of a state, none where they cannot be read.
func (r Reader) customCAs(ctx context.Context, namespace string, state *injector.State) (injector.Bundle, error) {
	if state == nil || state.CustomCAConfigMap == "" {
		return injector.Bundle{}, nil
	}
	configMap := &corev1.ConfigMap{}
	absence, err := r.get(ctx, namespace, state.CustomCAConfigMap, configMap)
	if absence != nil || err != nil {
		return injector.Bundle{}, err
	}
	cas, invalid := injector.ParseBundle([]byte(configMap.Data[injector.PublishedCAKey]))
	if invalid != nil {
		return injector.Bundle{}, nil
	}
	return cas, nil
}

func (r Reader) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// standingTargets are watched whatever the annotations name: what is KEDA, and
// what somebody may change or delete under us.
func standingTargets(namespace string) []watch.Target {
	return []watch.Target{
		watch.Deployments(namespace), watch.Secret(namespace, injector.PublishedSecret), watch.ConfigMap(namespace, injector.StateConfigMap),
	}
}
