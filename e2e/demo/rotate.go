package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keda-trust/keda-trust/e2e/local"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

// rotate replaces the CA that KEDA's scalers trust.
func (st *stage) rotate(ctx context.Context) error {
	old, err := st.untilState(ctx, "")
	if err != nil {
		return err
	}
	if st.team.roots, err = newAuthority("Example Corporate Root 2027"); err != nil {
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
	return st.applyAgain(ctx, state)
}

// stillThere holds keda-trust to its word that a rollback finds its content.
func (st *stage) stillThere(ctx context.Context, name string) error {
	_, err := st.cluster.Client.Resource(configMaps).Namespace(injector.DefaultKEDANamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("looking for the ConfigMap that running pods mount: %w", err)
	}
	return nil
}

// applyAgain shows that the next write of KEDA's Deployments carries the new
// state, and that only the operator, which reads custom CAs, restarts for it.
func (st *stage) applyAgain(ctx context.Context, state *injector.State) error {
	st.out.say("The pods that run keep the old one, which is still there. The next write of a Deployment, by whomever,\n" +
		"carries the new name, and so Kubernetes rolls it out. Here, that write is the same manifest again:")
	var deployments []*unstructured.Unstructured
	templates := map[string]any{}
	for _, object := range local.Subjects(st.release) {
		if object.GetKind() != "Deployment" {
			continue
		}
		templates[local.Title(object)] = podTemplate(st.seen[local.Title(object)])
		if _, err := st.cluster.Apply(ctx, object); err != nil {
			return err
		}
		deployments = append(deployments, object)
	}
	if err := st.compare(ctx, deployments, state, " before", " applied again"); err != nil {
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

// podTemplate is what Kubernetes rolls out when it changes.
func podTemplate(deployment *unstructured.Unstructured) any {
	found, _, err := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template")
	if err != nil {
		return err
	}
	return found
}
