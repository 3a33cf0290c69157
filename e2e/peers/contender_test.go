package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

func TestEachRoundHasAnotherOrder(t *testing.T) {
	all := everybody()
	seen := map[string]bool{}
	for round := range all {
		order := orderOf(all, round)
		var names []string
		for _, c := range order {
			names = append(names, c.name())
		}
		seen[names[0]] = true
		slices.Sort(names)
		if len(slices.Compact(names)) != len(all) {
			t.Errorf("round %d: %v", round, names)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("only %v come first in a round", seen)
	}
	if orderOf(all, len(all))[0] != all[0] {
		t.Error("the rounds after everybody was the first do not begin again")
	}
}

// release is KEDA's, with a consumer in the place of its admission webhooks.
func release(t *testing.T, c *consumer, adjust func(*unstructured.Unstructured)) map[string]*unstructured.Unstructured {
	t.Helper()
	objects, err := local.KEDARelease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		if err := c.replace(object); err != nil {
			t.Fatal(err)
		}
		adjust(object)
		found[local.Title(object)] = object
	}
	return found
}

func TestTheAPIServerIsLedToTheConsumer(t *testing.T) {
	objects := release(t, &consumer{port: 12345}, func(*unstructured.Unstructured) {})
	for title, want := range map[string]string{
		"Service keda-admission-webhooks":               `"externalName":"localhost"`,
		"Deployment keda-admission":                     `"--port=12345"`,
		"ValidatingWebhookConfiguration keda-admission": `"port":12345`,
	} {
		object := objects[title]
		if object == nil {
			t.Errorf("KEDA's release has no %s", title)
			continue
		}
		content, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), want) {
			t.Errorf("%s has no %s: %s", title, want, content)
		}
		if strings.Contains(string(content), `"failurePolicy":"Ignore"`) {
			t.Errorf("%s lets pass what the consumer did not see", title)
		}
	}
}

func TestCainjectorIsToldOnTheObjectsAndNowhereElse(t *testing.T) {
	const annotation = "cert-manager.io/inject-ca-from-secret"
	for title, object := range release(t, &consumer{}, cainjector{}.adjust) {
		_, told := object.GetAnnotations()[annotation]
		wanted := title == "ValidatingWebhookConfiguration keda-admission" || title == "APIService v1beta1.external.metrics.k8s.io"
		if told != wanted {
			t.Errorf("%s: annotated is %t, want %t", title, told, wanted)
		}
	}
}

func TestOnlyCertControllersSecretHasTheKeyOfTheCA(t *testing.T) {
	m := issued(t)
	for _, c := range everybody() {
		_, has := c.source(m).Data["ca.key"]
		if _, wanted := c.(certController); has != wanted {
			t.Errorf("%s: ca.key is there: %t", c.name(), has)
		}
	}
}

func TestOnlyALateContenderIsOverdue(t *testing.T) {
	process, err := local.StartProcess("sleep", filepath.Join(t.TempDir(), "log"), exec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	forever := func(ctx context.Context) error {
		<-ctx.Done()
		return &missingError{"APIService x", context.Cause(ctx)}
	}
	var late *overdueError
	if err := within(t.Context(), 10*time.Millisecond, process, "has it", forever); !errors.As(err, &late) || !strings.Contains(err.Error(), "APIService x has it") {
		t.Errorf("late: %v", err)
	}
	broken := errors.New("broken")
	if err := within(t.Context(), time.Minute, process, "has it", func(context.Context) error { return broken }); !errors.Is(err, broken) || errors.As(err, &late) {
		t.Errorf("broken: %v", err)
	}
	if err := within(t.Context(), time.Minute, process, "has it", func(context.Context) error { return nil }); err != nil {
		t.Errorf("in time: %v", err)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := within(interrupted, time.Minute, process, "has it", forever); !errors.Is(err, context.Canceled) || errors.As(err, &late) {
		t.Errorf("interrupted: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := within(t.Context(), time.Minute, process, "has it", forever); err == nil || errors.As(err, &late) {
		t.Errorf("a process that has ended: %v", err)
	}
}

func TestFlagsAreCheckedBeforeAnythingIsStarted(t *testing.T) {
	o, err := parse([]string{"-rounds", "1", "-rotations", "5", "-secrets", "0", "-lag", "2s", "--root", "."})
	if want := (options{root: ".", rounds: 1, rotations: 5, lag: 2 * time.Second}); err != nil || o != want {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"-rotations", "0"}, {"-secrets", "-1"}, {"-lag", "1ms"}, {"extra"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
