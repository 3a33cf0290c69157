package kubernetes

import (
	"strings"
	"testing"
)

func TestAReleaseIsNamedByItsMinorOrItsPinnedPatch(t *testing.T) {
	for _, asked := range []string{"1.30", "v1.30", "1.30.14", "v1.30.14"} {
		got, err := ParseRelease(asked)
		if err != nil {
			t.Fatalf("parsing %q: %v", asked, err)
		}
		if want := (Release{Minor: "1.30", Patch: "v1.30.14"}); got != want {
			t.Errorf("parsing %q: got %+v, want %+v", asked, got, want)
		}
		if got.staging() != "v0.30.14" || got.number() != "30" {
			t.Errorf("parsing %q: staging %s, number %s", asked, got.staging(), got.number())
		}
	}
}

func TestAnUnknownReleaseIsToldWhatThereIs(t *testing.T) {
	for _, asked := range []string{"", "1.3", "1.29", "1.30.1", "latest"} {
		_, err := ParseRelease(asked)
		if err == nil {
			t.Fatalf("parsing %q: accepted", asked)
		}
		if !strings.Contains(err.Error(), strings.Join(Minors(), ", ")) {
			t.Errorf("parsing %q: %v does not say what is allowed", asked, err)
		}
	}
}

func TestEveryPinnedPatchBelongsToItsMinor(t *testing.T) {
	for minor, patch := range patches {
		if !strings.HasPrefix(patch, "v"+minor+".") {
			t.Errorf("%s is pinned to %s", minor, patch)
		}
	}
	if _, err := ParseRelease(DefaultMinor); err != nil {
		t.Error(err)
	}
}
