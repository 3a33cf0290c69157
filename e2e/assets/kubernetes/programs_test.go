package kubernetes

import (
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

func TestADifferentReleaseIsADifferentResult(t *testing.T) {
	var cache gobuild.Cache
	seen := map[string]string{}
	for _, minor := range Minors() {
		release, err := ParseRelease(minor)
		if err != nil {
			t.Fatal(err)
		}
		path := cache.Path(release.Program(APIServer))
		if other, ok := seen[path]; ok {
			t.Errorf("%s and %s share %s", minor, other, path)
		}
		seen[path] = minor
	}
}

func TestACommandSaysWhichKubernetesItIs(t *testing.T) {
	linking := Release{Minor: "1.37", Patch: "v1.37.2"}.Program(Kubelet).Linking
	for _, want := range []string{"version.gitVersion=v1.37.2 ", "version.gitMinor=37 "} {
		if !strings.Contains(linking, want) {
			t.Errorf("%q is missing in %q", want, linking)
		}
	}
}
