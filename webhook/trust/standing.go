package trust

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
)

// standing is what is published in a namespace, read once for everything that
// depends on it.
type standing struct {
	// stateObject and secretObject are nil where they do not exist.
	stateObject  *corev1.ConfigMap
	secretObject *corev1.Secret
	// state is nil where there is none, or none that can be read: then it is
	// published anew.
	state *injector.State
	// certificates are those that are published, as far as they can be read.
	certificates certificates
	// customCAs are those of the state.
	customCAs injector.Bundle
}

// standing reads what is published, whoever wrote it.
func (r *Reconciler) standing(ctx context.Context, namespace string) (standing, error) {
	var s standing
	var err error
	if s.stateObject, err = read(ctx, r.reader.Live, "ConfigMap", namespace, injector.StateConfigMap, &corev1.ConfigMap{}); err != nil {
		return standing{}, err
	}
	if s.stateObject != nil {
		if s.state, err = injector.ParseState([]byte(s.stateObject.Data[injector.StateKey])); err != nil {
			logf.FromContext(ctx).Info("What is published cannot be read, and is published anew", "configMap", injector.StateConfigMap, "problem", err.Error())
			s.state = nil
		}
	}
	if s.secretObject, err = read(ctx, r.reader.Live, "Secret", namespace, injector.PublishedSecret, &corev1.Secret{}); err != nil {
		return standing{}, err
	}
	s.certificates = s.published()
	// Where they are lost or spoilt they are published anew, and all are told as added.
	s.customCAs, err = r.reader.customCAs(ctx, namespace, s.state)
	return s, err
}

// published are the certificates that are published. Where the Secret is lost, or
// another one is left behind, the CAs that the caBundles hold are known all the
// same, and pods may have kept a leaf of theirs.
func (s standing) published() certificates {
	ours := s.secretObject != nil && injector.Published(s.secretObject.Labels)
	inUse := s.state == nil || s.state.CertificateSecret == injector.PublishedSecret
	if ours && inUse {
		if held, valid := parsed(s.secretObject.Data); valid {
			return held
		}
	}
	if s.state == nil {
		return certificates{}
	}
	ca, err := injector.ParseBundle(s.state.CABundle)
	if err != nil { // as where there is none
		return certificates{}
	}
	return certificates{ca: ca}
}

// noted is what was noted on the state when it was published.
func (s standing) noted(now time.Time) followed {
	if s.state == nil {
		return followed{}
	}
	notes := s.stateObject.Annotations
	return followed{
		target: notes[injector.AnnotationTarget], asked: notes[injector.AnnotationAsked],
		incomplete: len(s.state.CABundle) == 0, published: written(s.stateObject, now),
	}
}

// written is when the content of a published object last changed, zero for one
// that does not exist.
// By our clock, which another leader's may be ahead of: then by the API server's.
func written(object client.Object, now time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, object.GetAnnotations()[injector.AnnotationPublished]); err == nil && !at.After(now.Add(maxSkew)) {
		return at
	}
	if last := injector.LastWritten(object.GetManagedFields()); !last.IsZero() {
		return last
	}
	return object.GetCreationTimestamp().Time
}

// rotationStarted is zero where no change of certificate is under way.
func (s standing) rotationStarted() time.Time {
	if s.secretObject == nil {
		return time.Time{}
	}
	return rotationStarted(s.secretObject)
}

// rotationStage is the one that was told last, empty for none.
func (s standing) rotationStage() stage {
	if s.secretObject == nil {
		return ""
	}
	return stage(s.secretObject.Annotations[injector.AnnotationRotationStage])
}

func rotationStarted(published *corev1.Secret) time.Time {
	at, err := time.Parse(time.RFC3339, published.Annotations[injector.AnnotationRotationStarted])
	if err != nil {
		return time.Time{}
	}
	return at
}

// read fills object, and returns nil where there is none of that name.
func read[T client.Object](ctx context.Context, live client.Reader, kind, namespace, name string, object T) (T, error) {
	var none T
	key := types.NamespacedName{Namespace: namespace, Name: name}
	err := live.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading %s %s: %w", kind, key, err)
	}
	return object, nil
}
