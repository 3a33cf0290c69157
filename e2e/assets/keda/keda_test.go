package keda

import (
	"slices"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

func TestAReleaseIsNamedByItsMinorOrItsPinnedPatch(t *testing.T) {
	for _, asked := range []string{"2.16", "v2.16", "2.16.1", "v2.16.1"} {
		if got, err := Parse(asked); err != nil || got != "2.16.1" {
			t.Errorf("parsing %q: got %q, %v", asked, got, err)
		}
	}
	for _, asked := range []string{"", "2", "2.17", "2.21.1", "main"} {
		if _, err := Parse(asked); err == nil || !strings.Contains(err.Error(), "2.15, 2.16, 2.20, 2.21") {
			t.Errorf("parsing %q: %v does not say what is allowed", asked, err)
		}
	}
}

// The manifests name them as commands, "/keda" and so on.
func TestTheProgramsAreNamedAsKEDAsManifestsNameThem(t *testing.T) {
	release := Release("2.21.0")
	var names []string
	for _, program := range []gobuild.Program{release.Operator(), release.MetricsAPIServer(), release.AdmissionWebhooks()} {
		names = append(names, program.Name)
		if program.Version != "v2.21.0" {
			t.Errorf("%s is of version %s", program.Name, program.Version)
		}
	}
	if want := []string{"keda", "keda-adapter", "keda-admission-webhooks"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
