package keda

import (
	"slices"
	"strings"
	"testing"
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

func TestTheImagesAreNamedAsKEDAsManifestsNameThem(t *testing.T) {
	var names, binaries []string
	for _, component := range Release("2.21.0").Components() {
		names = append(names, component.Image.Name)
		binaries = append(binaries, component.Program.Name)
		if component.Program.Version != "v2.21.0" || component.Image.User != "65532:65532" {
			t.Errorf("%s is of version %s and runs as %s", component.Image.Name, component.Program.Version, component.Image.User)
		}
	}
	if want := []string{
		"ghcr.io/kedacore/keda:2.21.0",
		"ghcr.io/kedacore/keda-metrics-apiserver:2.21.0",
		"ghcr.io/kedacore/keda-admission-webhooks:2.21.0",
	}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	// The manifests name them as commands, "/keda" and so on.
	if want := []string{"keda", "keda-adapter", "keda-admission-webhooks"}; !slices.Equal(binaries, want) {
		t.Errorf("got %q, want %q", binaries, want)
	}
}
