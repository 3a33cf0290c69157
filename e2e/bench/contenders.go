package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/keda-trust/keda-trust/injector"
)

// What the contenders are called; results looks them up.
const (
	nameNone     = "no webhook"
	nameNoop     = "no-op webhook"
	nameConstant = "webhook with a constant patch"
	namePolicy   = "MutatingAdmissionPolicy"
	nameOurs     = injector.Name
)

// contenders sets up each in a namespace of its own, so that all exist at once
// and every request passes by the selectors of all.
func (b *bench) contenders(ctx context.Context) ([]*contender, error) {
	all := []*contender{
		{name: nameNone, namespace: "bench-none"},
		{name: nameNoop, namespace: "bench-noop"},
		{name: nameConstant, namespace: "bench-constant", injects: true},
		{name: nameOurs, namespace: injector.DefaultKEDANamespace, injects: true},
		{name: namePolicy, namespace: "bench-policy", injects: true},
	}
	for _, c := range all {
		if c.name == nameOurs {
			continue // KEDA is installed there
		}
		if err := b.cluster.ApplyNamespace(ctx, c.namespace, nil, nil); err != nil {
			return nil, err
		}
	}
	version, err := policyVersion(b.client.Discovery())
	if err != nil {
		return nil, err
	}
	if version == "" {
		return all[:4], nil
	}
	return all, b.addPolicy(ctx, version, all[4].namespace)
}

// prove waits until each contender does what it is there for.
func (b *bench) prove(ctx context.Context, a admissions, contenders []*contender) error {
	byName := map[string]*contender{}
	for _, c := range contenders {
		byName[c.name] = c
	}
	if err := b.untilNoop(ctx, a, byName[nameNoop].namespace); err != nil {
		return err
	}
	ours, err := a.untilInjected(ctx, byName[nameOurs].namespace)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, b.server.LastWords())
	}
	if byName[namePolicy] == nil {
		return nil
	}
	policy, err := a.untilInjected(ctx, byName[namePolicy].namespace)
	if err != nil {
		return err
	}
	return assertEqual(policy, ours)
}

func (b *bench) untilNoop(ctx context.Context, a admissions, namespace string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		// Before the server listens, Fail refuses; that is no answer yet.
		_, _, err := a.once(ctx, namespace)
		select {
		case <-b.references.called:
			return err == nil, nil
		default:
			return false, nil
		}
	})
	if err != nil {
		return fmt.Errorf("waiting for the no-op webhook to be called: %w", err)
	}
	return nil
}
