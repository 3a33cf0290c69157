package trust

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
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
type publication struct {
	secret, state bool
	// noted: on a Secret that stays, how far a change of certificate is.
	noted bool
}

func (p publication) any() bool { return p.secret || p.state }

// marks are noted on what is published, for whoever comes next.
type marks struct {
	now time.Time
	// target is the ID of the state that the sources ask for, asked what the
	// annotations do.
	target, asked string
	// rotationStarted is zero, and stage of no account, where no change of certificate is
	// under way.
	rotationStarted time.Time
	stage           stage
	// flapping: what stays otherwise is not written for the sake of these marks, which
	// are others in a moment.
	flapping bool
}

func (m marks) secret(object client.Object) {
	annotate(object, map[string]string{injector.AnnotationPublished: m.now.UTC().Format(time.RFC3339Nano)})
	m.rotation(object)
}

func (m marks) rotation(object client.Object) {
	annotations := map[string]string{}
	if !m.rotationStarted.IsZero() {
		annotations[injector.AnnotationRotationStarted] = m.rotationStarted.UTC().Format(time.RFC3339Nano)
		annotations[injector.AnnotationRotationStage] = string(m.stage)
	}
	annotate(object, annotations, injector.AnnotationRotationStarted, injector.AnnotationRotationStage)
}

// notes says whether the Secret says of a change of certificate what these marks do.
func (m marks) notes(secret *corev1.Secret) bool {
	if m.rotationStarted.IsZero() {
		return rotationStarted(secret).IsZero()
	}
	return !rotationStarted(secret).IsZero() && secret.Annotations[injector.AnnotationRotationStage] == string(m.stage)
}

func (m marks) state(object client.Object) {
	annotations := m.leads()
	annotations[injector.AnnotationPublished] = m.now.UTC().Format(time.RFC3339Nano)
	annotate(object, annotations, injector.AnnotationReleased)
}

// leads says what a state leads to.
func (m marks) leads() map[string]string {
	return map[string]string{injector.AnnotationTarget: m.target, injector.AnnotationAsked: m.asked}
}

// annotate sets annotations, after those of keys that may no longer hold.
func annotate(object client.Object, annotations map[string]string, stale ...string) {
	all := map[string]string{}
	maps.Copy(all, object.GetAnnotations())
	for _, key := range stale {
		delete(all, key)
	}
	maps.Copy(all, annotations)
	object.SetAnnotations(all)
}

// publish makes the cluster agree with the resolution, where it does not. The
// state comes last, so that what it names exists whenever somebody carries it out.
func (p publisher) publish(ctx context.Context, namespace string, r injector.Resolution, have standing, m marks) (publication, error) {
	var done publication
	var err error
	if want := r.CertificateObject(namespace); want != nil {
		if done.secret, err = p.ensureSecret(ctx, want, have.secretObject, m); err != nil {
			return done, err
		}
	}
	if !done.secret && !m.flapping {
		if done.noted, err = p.noteRotation(ctx, have.secretObject, m); err != nil {
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
	done.state, err = p.ensureState(ctx, want, have.stateObject, m)
	return done, err
}

func (p publisher) ensureSecret(ctx context.Context, want, have *corev1.Secret, m marks) (bool, error) {
	if have == nil {
		m.secret(want)
		return wrote(p.create(ctx, want))
	}
	if err := checkOurs("Secret", have); err != nil {
		return false, err
	}
	if have.Type != want.Type {
		return false, &foreignError{"Secret " + client.ObjectKeyFromObject(have).String(),
			fmt.Sprintf("has the type %q, want %q, which cannot be changed; delete it and it is published anew", have.Type, want.Type)}
	}
	if maps.EqualFunc(have.Data, want.Data, bytes.Equal) {
		return false, nil
	}
	have = have.DeepCopy()
	have.Data = want.Data
	m.secret(have)
	return wrote(p.update(ctx, have, "Secret"))
}

// noteRotation keeps true what a Secret that stays says of a change of certificate: one
// may wait before anything else is published, be given up, and be over without that.
func (p publisher) noteRotation(ctx context.Context, have *corev1.Secret, m marks) (bool, error) {
	if have == nil || !injector.Published(have.Labels) || m.notes(have) {
		return false, nil
	}
	have = have.DeepCopy()
	m.rotation(have)
	return wrote(p.update(ctx, have, "Secret"))
}

func (p publisher) ensureState(ctx context.Context, want, have *corev1.ConfigMap, m marks) (bool, error) {
	if have == nil {
		m.state(want)
		return wrote(p.create(ctx, want))
	}
	if err := checkOurs("ConfigMap", have); err != nil {
		return false, err
	}
	have = have.DeepCopy()
	if maps.Equal(have.Data, want.Data) && len(have.BinaryData) == 0 {
		return false, p.noteState(ctx, have, m)
	}
	have.Data, have.BinaryData = want.Data, nil
	m.state(have)
	return wrote(p.update(ctx, have, "ConfigMap"))
}

// noteState keeps true what a state that stays says of itself: a stage may be on the way
// to something else than when it was published, and what was released is in force again.
func (p publisher) noteState(ctx context.Context, have *corev1.ConfigMap, m marks) error {
	notes := have.Annotations
	_, released := notes[injector.AnnotationReleased]
	leads := notes[injector.AnnotationTarget] == m.target && notes[injector.AnnotationAsked] == m.asked
	if !released && (leads || m.flapping) {
		return nil
	}
	annotate(have, m.leads(), injector.AnnotationReleased)
	return p.update(ctx, have, "ConfigMap")
}

// ensureImmutable replaces a ConfigMap whose content is not what its name says,
// since it cannot be changed.
func (p publisher) ensureImmutable(ctx context.Context, want *corev1.ConfigMap) error {
	have, err := read(ctx, p.live, "ConfigMap", want.Namespace, want.Name, &corev1.ConfigMap{})
	if err != nil {
		return err
	}
	if have == nil {
		return p.create(ctx, want)
	}
	if err := checkOurs("ConfigMap", have); err != nil {
		return err
	}
	if maps.Equal(have.Data, want.Data) && len(have.BinaryData) == 0 && ptr.Deref(have.Immutable, false) {
		return nil
	}
	if err := p.delete(ctx, have); err != nil {
		return err
	}
	return p.create(ctx, want)
}

// checkOurs refuses to change what somebody else published under our name.
func checkOurs(kind string, have client.Object) error {
	if injector.Published(have.GetLabels()) {
		return nil
	}
	return &foreignError{kind + " " + client.ObjectKeyFromObject(have).String(),
		fmt.Sprintf("exists and is not keda-trust's: its label %s is %q, want %q; rename or delete it, and it is published",
			injector.LabelManagedBy, have.GetLabels()[injector.LabelManagedBy], injector.Name)}
}

// wrote says that a write was answered for, or why not.
func wrote(err error) (bool, error) { return err == nil, err }

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
