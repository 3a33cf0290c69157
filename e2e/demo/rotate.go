package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/keda-trust/keda-trust/injector"
)

// rotate replaces the CA that KEDA's scalers trust.
func (st *stage) rotate(ctx context.Context) error {
	old, err := st.untilState(ctx, "")
	if err != nil {
		return err
	}
	if st.team.roots, err = certificates.Issue("Example Corporate Root 2027", nil); err != nil {
		return err
	}
	if _, err := st.cluster.Apply(ctx, st.team.configMap()); err != nil {
		return err
	}
	state, err := st.untilState(ctx, old.ID)
	if err != nil {
		return err
	}
	st.out.step("The team replaces the CA in ConfigMap %s.", rootsConfigMap)
	st.out.say("keda-trust has read and proven it, and has published it:\n  state      %s -> %s\n  custom CAs %s -> %s",
		old.ID, state.ID, old.CustomCAConfigMap, state.CustomCAConfigMap)
	if state.CustomCAConfigMap == old.CustomCAConfigMap {
		return fmt.Errorf("rotating the custom CA: still published as %s", state.CustomCAConfigMap)
	}
	if err := st.stillThere(ctx, old.CustomCAConfigMap); err != nil {
		return err
	}
	return st.followed(ctx, state)
}

// stillThere holds keda-trust to its word that a rollback finds its content.
func (st *stage) stillThere(ctx context.Context, name string) error {
	_, err := st.cluster.Client.Resource(configMaps).Namespace(injector.DefaultKEDANamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("looking for the ConfigMap that running pods mount: %w", err)
	}
	return nil
}

// followed shows that KEDA's Deployments carry the new state without anybody
// writing them, and that only the operator, which reads custom CAs, restarts.
func (st *stage) followed(ctx context.Context, state *injector.State) error {
	st.out.say("Nobody touches KEDA. keda-trust nudges its Deployments, by an annotation of its own, and admission answers\n" +
		"with the new name, so Kubernetes rolls it out. The old ConfigMap stays for a rollback. The difference:")
	var deployments []*unstructured.Unstructured
	templates := map[string]any{}
	for _, object := range local.Subjects(st.release) {
		if object.GetKind() != "Deployment" {
			continue
		}
		templates[local.Title(object)] = podTemplate(st.seen[local.Title(object)])
		if err := st.untilCarried(ctx, object, state); err != nil {
			return err
		}
		deployments = append(deployments, object)
	}
	if err := st.compare(ctx, deployments, state, " before", " now"); err != nil {
		return err
	}
	var faults []error
	for name, before := range templates {
		restarts := !equality.Semantic.DeepEqual(before, podTemplate(st.seen[name]))
		if wanted := name == "Deployment "+local.OperatorDeployment; restarts != wanted {
			faults = append(faults, fmt.Errorf("%s: restarts for the new custom CA: %t, wanted %t", name, restarts, wanted))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	st.out.say("\nOnly the operator's pod template has changed, so only the operator restarts.")
	return nil
}

// untilCarried waits until a Deployment carries state.
func (st *stage) untilCarried(ctx context.Context, object *unstructured.Unstructured, state *injector.State) error {
	carried := ""
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		stored, err := st.stored(ctx, object)
		if err != nil {
			return false, err
		}
		carried = stored.GetAnnotations()[injector.AnnotationStateID]
		return state.CarriedBy(stored.GetAnnotations()), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to carry state %s, it carries %q: %w\n%s", local.Title(object), state.ID, carried, err, st.server.LastWords())
	}
	return nil
}

// podTemplate is what Kubernetes rolls out when it changes.
func podTemplate(deployment *unstructured.Unstructured) any {
	found, _, err := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template")
	if err != nil {
		return err
	}
	return found
}
