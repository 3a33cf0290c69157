package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// sampleName differs from the operator that is installed: a dry run of what
// exists is refused.
const sampleName = "keda-operator-bench"

// contender is one way in which the same admission can go.
type contender struct {
	name      string
	namespace string
	injects   bool
	samples   []time.Duration
}

// admissions sends the same Deployment again and again.
type admissions struct {
	client rest.Interface
	body   []byte
}

// once is the time of one dry run, and what came out of it.
func (a admissions) once(ctx context.Context, namespace string) (time.Duration, []byte, error) {
	request := a.client.Post().Namespace(namespace).Resource("deployments").
		Param("dryRun", metav1.DryRunAll).Param("fieldManager", local.FieldManager).
		SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").
		Body(a.body)
	start := time.Now()
	answer := request.Do(ctx)
	took := time.Since(start)
	// Only Error reads why from the body.
	if err := answer.Error(); err != nil {
		return 0, nil, fmt.Errorf("a dry-run %s of a Deployment in %s: %w", http.MethodPost, namespace, err)
	}
	created, err := answer.Raw()
	return took, created, err
}

func isInjected(deployment []byte) bool {
	return bytes.Contains(deployment, []byte(`"`+injector.VolumeCustomCA+`"`))
}

// round asks each contender once. A sample that was not admitted as it should
// be would measure something else, and ends the run.
func (a admissions) round(ctx context.Context, contenders []*contender) error {
	for _, c := range contenders {
		took, created, err := a.once(ctx, c.namespace)
		if err != nil {
			return err
		}
		if isInjected(created) != c.injects {
			return fmt.Errorf("measuring %s: injected is %t, want %t: %s", c.name, !c.injects, c.injects, created)
		}
		c.samples = append(c.samples, took)
	}
	return nil
}

// run takes n samples of each in turns, so that whatever the machine does
// meanwhile, it does to all of them. The first rounds, which open connections
// and compile expressions, do not count.
func (a admissions) run(ctx context.Context, contenders []*contender, warmUp, n int) error {
	for i := range warmUp + n {
		if i == warmUp {
			for _, c := range contenders {
				c.samples = make([]time.Duration, 0, n)
			}
		}
		if err := a.round(ctx, contenders); err != nil {
			return err
		}
	}
	return nil
}

// untilInjected waits for what the API server reads a moment after it was
// written, and returns the Deployment.
func (a admissions) untilInjected(ctx context.Context, namespace string) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, created, err := a.once(ctx, namespace)
		if err != nil || !isInjected(created) {
			return false, err
		}
		return true, json.Unmarshal(created, deployment)
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for admission in %s to inject: %w", namespace, err)
	}
	return deployment, nil
}

// assertEqual holds the policy against keda-trust: two contenders that do not do
// the same cannot be compared.
func assertEqual(policy, ours *appsv1.Deployment) error {
	if reflect.DeepEqual(policy.Spec, ours.Spec) {
		return nil
	}
	want, err := json.Marshal(ours.Spec)
	if err != nil {
		return err
	}
	got, err := json.Marshal(policy.Spec)
	if err != nil {
		return err
	}
	return fmt.Errorf("comparing the policy with keda-trust: the policy makes\n%s\nand keda-trust\n%s", got, want)
}
