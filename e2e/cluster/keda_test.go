package main

import (
	"slices"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
)

func TestTheImagesAreNamedAsKEDAsManifestsNameThem(t *testing.T) {
	var names []string
	for _, component := range components("2.21.0") {
		names = append(names, component.image.Name)
		if component.image.User != image.NonRoot {
			t.Errorf("%s runs as %s", component.image.Name, component.image.User)
		}
	}
	if want := []string{
		"ghcr.io/kedacore/keda:2.21.0",
		"ghcr.io/kedacore/keda-metrics-apiserver:2.21.0",
		"ghcr.io/kedacore/keda-admission-webhooks:2.21.0",
	}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestTheMetricsAPIServerIsGivenFlagsThatItsVersionKnows(t *testing.T) {
	for release, want := range map[keda.Release]string{"2.16.1": "--v=0", "2.20.2": "--zap-encoder=console", "2.21.0": "--zap-encoder=console"} {
		args := components(release)[1].image.Args
		if args[0] != "--secure-port=6443" || args[len(args)-1] != want {
			t.Errorf("KEDA %s: got %q, want --secure-port=6443 … %s", release, args, want)
		}
	}
}
