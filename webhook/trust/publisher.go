package trust

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// publisher writes what pods mount, and then the state that names it. It
// changes nothing that is not keda-trust's own, and nothing that is right.
type publisher struct {
	live   client.Reader
	writer client.Writer
}

// foreignError is an object of somebody else's under a name that we need.
type foreignError struct{ object, problem string }

func (e *foreignError) Error() string { return e.object + ": " + e.problem }

func (e *foreignError) finding() injector.Finding {
	return injector.Finding{Reason: injector.ReasonNameTaken, Object: e.object, Message: e.problem}
}

// publication says what was written.
type publication struct{ secret, state bool }

func (p publication) any() bool { return p.secret || p.state }

// publish makes the cluster agree with the resolution. The state comes last, so
// that what it names exists whenever somebody carries it out.
func (p publisher) publish(ctx context.Context, namespace string, r injector.Resolution) (publication, error) {
	var done publication
	var err error
	if want := r.CertificateObject(namespace); want != nil {
		if done.secret, err = p.ensureSecret(ctx, want); err != nil {
			return done, err
		}
	}
	if want := r.CustomCAObject(namespace); want != nil {
		if err := p.ensureImmutable(ctx, want); err != nil {
			return done, err
		}
	}
	want, err := r.State.Object(namespace)
	if err != nil {
		return done, fmt.Errorf("encoding the state of Namespace %s: %w", namespace, err)
	}
	done.state, err = p.ensureState(ctx, want)
	return done, err
}

func (p publisher) ensureSecret(ctx context.Context, want *corev1.Secret) (bool, error) {
	have := &corev1.Secret{}
	found, err := p.get(ctx, want, have)
	if err != nil {
		return false, err
	}
	if !found {
		return true, p.create(ctx, want)
	}
	if have.Type != want.Type {
		return false, &foreignError{"Secret " + client.ObjectKeyFromObject(have).String(),
			fmt.Sprintf("has the type %q, want %q, which cannot be changed; delete it and it is published anew", have.Type, want.Type)}
	}
	if maps.EqualFunc(have.Data, want.Data, bytes.Equal) {
		return false, nil
	}
	have.Data = want.Data
	return true, p.update(ctx, have, "Secret")
}

func (p publisher) ensureState(ctx context.Context, want *corev1.ConfigMap) (bool, error) {
	have := &corev1.ConfigMap{}
	found, err := p.get(ctx, want, have)
	if err != nil {
		return false, err
	}
	if !found {
		return true, p.create(ctx, want)
	}
	_, released := have.Annotations[injector.AnnotationReleased]
	same := maps.Equal(have.Data, want.Data) && len(have.BinaryData) == 0
	if same && !released {
		return false, nil
	}
	delete(have.Annotations, injector.AnnotationReleased)
	have.Data, have.BinaryData = want.Data, nil
	return !same, p.update(ctx, have, "ConfigMap")
}

// ensureImmutable replaces a ConfigMap whose content is not what its name says,
// since it cannot be changed.
func (p publisher) ensureImmutable(ctx context.Context, want *corev1.ConfigMap) error {
	have := &corev1.ConfigMap{}
	found, err := p.get(ctx, want, have)
	if err != nil {
		return err
	}
	if !found {
		return p.create(ctx, want)
	}
	if maps.Equal(have.Data, want.Data) && len(have.BinaryData) == 0 && ptr.Deref(have.Immutable, false) {
		return nil
	}
	if err := p.delete(ctx, have); err != nil {
		return err
	}
	return p.create(ctx, want)
}

// get fills have with the object of want's name, which has to be ours.
func (p publisher) get(ctx context.Context, want, have client.Object) (found bool, err error) {
	kind, key := want.GetObjectKind().GroupVersionKind().Kind, client.ObjectKeyFromObject(want)
	err = p.live.Get(ctx, key, have)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s %s: %w", kind, key, err)
	}
	if !injector.Published(have.GetLabels()) {
		return false, &foreignError{kind + " " + key.String(),
			fmt.Sprintf("exists and is not keda-trust's: its label %s is %q, want %q; rename or delete it, and it is published",
				injector.LabelManagedBy, have.GetLabels()[injector.LabelManagedBy], injector.Name)}
	}
	return true, nil
}

func (p publisher) create(ctx context.Context, want client.Object) error {
	if err := p.writer.Create(ctx, want, client.FieldOwner(injector.Name)); err != nil {
		return fmt.Errorf("creating %s %s: %w", want.GetObjectKind().GroupVersionKind().Kind, client.ObjectKeyFromObject(want), err)
	}
	return nil
}

func (p publisher) update(ctx context.Context, have client.Object, kind string) error {
	if err := p.writer.Update(ctx, have, client.FieldOwner(injector.Name)); err != nil {
		return fmt.Errorf("updating %s %s: %w", kind, client.ObjectKeyFromObject(have), err)
	}
	return nil
}

func (p publisher) delete(ctx context.Context, have *corev1.ConfigMap) error {
	err := p.writer.Delete(ctx, have, client.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting ConfigMap %s: %w", client.ObjectKeyFromObject(have), err)
	}
	return nil
}

// lastWrite is when we last wrote the object, as the API server keeps it.
func lastWrite(object client.Object) time.Time {
	last := object.GetCreationTimestamp().Time
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == injector.Name && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
