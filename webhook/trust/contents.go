package trust

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

var certificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}

// bundleVersions of ClusterTrustBundle, the most stable first: which one is
// served depends on the cluster's version and its feature gates.
var bundleVersions = []string{"v1", "v1beta1", "v1alpha1"}

// fetched is one source's content and the objects that it is from.
type fetched struct {
	content injector.Content
	targets []watch.Target
}

// contents reads the sources one by one, by name. What does not exist, may not
// be read or is not served is a content too, and so is what the API server fails to
// give of a source that is not needed: a Secret that can no longer be decrypted fails
// for good. Any other failure is an error.
func (r Reader) contents(ctx context.Context, namespace string, sources, needed []injector.Source) (injector.Contents, []watch.Target, error) {
	contents := injector.Contents{}
	var targets []watch.Target
	for _, s := range sources {
		got, err := r.content(ctx, namespace, s)
		if apierrors.IsInternalError(err) && !slices.Contains(needed, s) {
			got.content.Err, err = err, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", s.Describe(namespace), err)
		}
		contents[s] = got.content
		targets = append(targets, got.targets...)
	}
	return contents, targets, nil
}

func (r Reader) content(ctx context.Context, namespace string, s injector.Source) (fetched, error) {
	switch s.Kind {
	case injector.SourceSecret:
		return r.secret(ctx, namespace, s.Name)
	case injector.SourceConfigMap:
		return r.configMap(ctx, namespace, s.Name)
	case injector.SourceCertificate:
		return r.certificate(ctx, namespace, s.Name)
	case injector.SourceClusterTrustBundle:
		return r.trustBundle(ctx, s.Name)
	}
	return fetched{}, fmt.Errorf("the kind %q cannot be read", s.Kind)
}

func (r Reader) secret(ctx context.Context, namespace, name string) (fetched, error) {
	secret := &corev1.Secret{}
	absence, err := r.get(ctx, namespace, name, secret)
	return fetched{
		content: injector.Content{Data: secret.Data, Err: absence},
		targets: []watch.Target{watch.Secret(namespace, name)},
	}, err
}

func (r Reader) configMap(ctx context.Context, namespace, name string) (fetched, error) {
	configMap := &corev1.ConfigMap{}
	absence, err := r.get(ctx, namespace, name, configMap)
	data := map[string][]byte{}
	for key, value := range configMap.Data {
		data[key] = []byte(value)
	}
	maps.Copy(data, configMap.BinaryData)
	return fetched{
		content: injector.Content{Data: data, Err: absence},
		targets: []watch.Target{watch.ConfigMap(namespace, name)},
	}, err
}

// certificate reads the Secret that cert-manager writes for a Certificate.
func (r Reader) certificate(ctx context.Context, namespace, name string) (fetched, error) {
	certificate := &unstructured.Unstructured{}
	certificate.SetGroupVersionKind(certificateKind)
	absence, err := r.get(ctx, namespace, name, certificate)
	if absence != nil || err != nil {
		return fetched{content: injector.Content{Err: absence}, targets: served(absence, watch.Certificate(namespace, name))}, err
	}
	secretName, _, err := unstructured.NestedString(certificate.Object, "spec", "secretName")
	if err != nil {
		return fetched{}, fmt.Errorf("reading spec.secretName: %w", err)
	}
	got := fetched{content: injector.Content{Err: injector.ErrNotFound}}
	if secretName != "" { // cert-manager's schema asks for the field, not for a value
		got, err = r.secret(ctx, namespace, secretName)
	}
	if got.content.Err != nil {
		got.content.Err = fmt.Errorf("its Secret %q: %w; see whether cert-manager has issued it: kubectl describe certificate %s", secretName, got.content.Err, name)
	}
	got.content.SecretName = secretName
	got.targets = append(got.targets, watch.Certificate(namespace, name))
	return got, err
}

func (r Reader) trustBundle(ctx context.Context, name string) (fetched, error) {
	for _, version := range bundleVersions {
		bundle := &unstructured.Unstructured{}
		bundle.SetGroupVersionKind(schema.GroupVersionKind{Group: "certificates.k8s.io", Version: version, Kind: "ClusterTrustBundle"})
		absence, err := r.get(ctx, "", name, bundle)
		if errors.Is(absence, injector.ErrNotServed) {
			continue
		}
		got := fetched{content: injector.Content{Err: absence}, targets: []watch.Target{watch.ClusterTrustBundle(version, name)}}
		if absence != nil || err != nil {
			return got, err
		}
		text, _, err := unstructured.NestedString(bundle.Object, "spec", "trustBundle")
		got.content.Data = map[string][]byte{injector.KeyTrustBundle: []byte(text)}
		return got, err
	}
	return fetched{content: injector.Content{Err: injector.ErrNotServed}}, nil
}

// get fills object. That it is absent is a content, the first result; the
// second is a failure that may pass.
func (r Reader) get(ctx context.Context, namespace, name string, object client.Object) (absence, failure error) {
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, object)
	switch {
	case meta.IsNoMatchError(err), isPathMissing(err):
		return injector.ErrNotServed, nil
	case apierrors.IsNotFound(err):
		return injector.ErrNotFound, nil
	case apierrors.IsForbidden(err) && r.AsUser:
		return injector.ErrForbiddenToUser, nil
	case apierrors.IsForbidden(err):
		return injector.ErrForbidden, nil
	}
	return nil, err
}

// isPathMissing tells a kind that is no longer served, which a client still knows,
// from an object that does not exist: the answer then is no Status of the API.
func isPathMissing(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// served is the target, or none where the cluster has no such kind to watch.
func served(absence error, t watch.Target) []watch.Target {
	if errors.Is(absence, injector.ErrNotServed) {
		return nil
	}
	return []watch.Target{t}
}
