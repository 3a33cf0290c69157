package platform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A KUBECONFIG is what most people have set.
func TestAClusterThatNobodyOfferedIsNotTouched(t *testing.T) {
	t.Setenv("KUBECONFIG", "/precious")
	for _, offered := range []map[string]string{
		{Consent: "", Image: "", Loader: ""},
		{Consent: "", Image: "registry.example.com/keda-trust:dev", Loader: ""},
		{Consent: "yes", Image: "", Loader: ""},
	} {
		for variable, value := range offered {
			t.Setenv(variable, value)
		}
		if _, err := Connect("..", t.TempDir(), 1); !errors.Is(err, ErrNone) {
			t.Errorf("%v: got %v", offered, err)
		}
	}
}

func TestEachProcessOfASuiteWantsAClusterOfItsOwn(t *testing.T) {
	t.Setenv(Consent, "yes")
	t.Setenv(Image, "keda-trust:dev")
	t.Setenv("KUBECONFIG", "/first"+string(os.PathListSeparator)+"/second")
	for process, want := range map[int]string{1: "/first", 2: "/second", 3: "it names 2 clusters, and process 3"} {
		if _, err := Connect("..", t.TempDir(), process); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("process %d: %v", process, err)
		}
	}
}

func TestWhoIsSecondOnAClusterIsRefused(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "admin.conf")
	if err := os.WriteFile(kubeconfig, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := hold(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := hold(kubeconfig); err == nil || !strings.Contains(err.Error(), "other journeys are on the cluster") {
		t.Errorf("got %v, %v", second, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := hold(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnImageIsSplitAtItsTag(t *testing.T) {
	repository, tag, err := splitImage("localhost:5000/team/keda-trust:1.2")
	if err != nil || repository != "localhost:5000/team/keda-trust" || tag != "1.2" {
		t.Errorf("got %q, %q, %v", repository, tag, err)
	}
	for _, name := range []string{"keda-trust", "localhost:5000/keda-trust"} {
		if _, _, err := splitImage(name); err == nil || !strings.Contains(err.Error(), "has no tag") {
			t.Errorf("splitting %s: %v", name, err)
		}
	}
}

func TestARolloutIsDoneWhenNothingOldIsLeft(t *testing.T) {
	two := int32(2)
	done := appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}
	deployment := func(change func(*appsv1.DeploymentStatus)) *appsv1.Deployment {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: &two}, Status: done}
		change(&d.Status)
		return d
	}
	if got := lacking(deployment(func(*appsv1.DeploymentStatus) {})); got != "" {
		t.Errorf("lacks %s", got)
	}
	for what, change := range map[string]func(*appsv1.DeploymentStatus){
		"a controller that has seen it": func(s *appsv1.DeploymentStatus) { s.ObservedGeneration = 2 },
		"the end of an old pod":         func(s *appsv1.DeploymentStatus) { s.Replicas = 3 },
		"a new pod":                     func(s *appsv1.DeploymentStatus) { s.UpdatedReplicas = 1 },
		"an available pod":              func(s *appsv1.DeploymentStatus) { s.AvailableReplicas = 1 },
	} {
		if lacking(deployment(change)) == "" {
			t.Errorf("done without %s", what)
		}
	}
}
