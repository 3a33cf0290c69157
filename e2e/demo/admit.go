package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/keda-trust/keda-trust/e2e/local"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

// patience bounds each wait for something that takes well below a second.
const patience = 30 * time.Second

// admit applies KEDA's release and shows what came out.
func (st *stage) admit(ctx context.Context) error {
	if err := st.writeRelease(); err != nil {
		return err
	}
	st.cluster.Warnings.Take()
	for _, object := range st.release {
		if _, err := st.cluster.Apply(ctx, object); err != nil {
			return err
		}
	}
	state, err := st.untilState(ctx, "")
	if err != nil {
		return err
	}
	st.out.step("kubectl apply --server-side -f keda-%s.yaml: %d objects. What admission made of them:", local.KEDAVersion, len(st.release))
	for _, warning := range st.cluster.Warnings.Take() {
		st.out.say("Warning: %s", warning)
	}
	return st.compare(ctx, local.Subjects(st.release), state, " without keda-trust", " as admitted")
}

// compare shows each object beside what it was when it was looked at last, and
// returns everything that is not as the state says. The names say which two
// versions these are.
func (st *stage) compare(ctx context.Context, objects []*unstructured.Unstructured, state *injector.State, from, to string) error {
	var faults []error
	for _, object := range objects {
		stored, err := st.stored(ctx, object)
		if err != nil {
			return err
		}
		before, err := text(st.seen[local.Title(object)])
		if err != nil {
			return err
		}
		after, err := text(stored)
		if err != nil {
			return err
		}
		st.out.say("")
		if !st.out.diff(version{local.Title(object) + from, before}, version{local.Title(object) + to, after}) {
			faults = append(faults, fmt.Errorf("%s: admission changed nothing", local.Title(object)))
		}
		faults = append(faults, local.Verify(stored, state)...)
		st.seen[local.Title(object)] = stored
	}
	return errors.Join(faults...)
}

// stored reads an object back.
func (st *stage) stored(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, err := st.cluster.Resource(object)
	if err != nil {
		return nil, err
	}
	stored, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", local.Title(object), err)
	}
	return stored, nil
}

// writeRelease leaves KEDA's manifest where the reader can apply it again.
func (st *stage) writeRelease() error {
	var content []byte
	for _, object := range st.release {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", local.Title(object), err)
		}
		content = append(append(content, "---\n"...), document...)
	}
	if err := os.WriteFile(st.file("keda.yaml"), content, 0o644); err != nil {
		return fmt.Errorf("writing keda.yaml: %w", err)
	}
	return nil
}

// untilAdmitted waits until the API server calls the webhook: it reads a
// webhook configuration a moment after that was written.
func (st *stage) untilAdmitted(ctx context.Context) error {
	subject := local.Subjects(st.release)[0]
	state := ""
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		previewed, err := st.cluster.Preview(ctx, subject)
		if err != nil {
			return false, err
		}
		state = previewed.GetLabels()[injector.LabelState]
		return state == injector.StateInjected, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to be injected, its state is %q, warnings %q: %w\n%s",
			local.Title(subject), state, st.cluster.Warnings.Take(), err, st.server.LastWords())
	}
	return nil
}

// untilState waits until a state other than the given one is published.
func (st *stage) untilState(ctx context.Context, other string) (*injector.State, error) {
	var state *injector.State
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		state, err = st.cluster.State(ctx, injector.DefaultKEDANamespace)
		return err == nil && state != nil && state.ID != other, err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for a new state in ConfigMap %s: %w\n%s", injector.StateConfigMap, err, st.server.LastWords())
	}
	return state, nil
}

// text is an object without what the API server adds to every object, and with
// the record shortened, which is for keda-trust and not for people.
func text(object *unstructured.Unstructured) (string, error) {
	shown := object.DeepCopy()
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp"} {
		unstructured.RemoveNestedField(shown.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(shown.Object, "status")
	if annotations := shown.GetAnnotations(); annotations[injector.AnnotationInjected] != "" {
		annotations[injector.AnnotationInjected] = fmt.Sprintf("(what it was before, %d bytes)", len(annotations[injector.AnnotationInjected]))
		shown.SetAnnotations(annotations)
	}
	document, err := yaml.Marshal(shown.Object)
	if err != nil {
		return "", fmt.Errorf("encoding %s: %w", local.Title(object), err)
	}
	return string(document), nil
}
