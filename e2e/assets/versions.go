package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// defaultMinor is tested where nothing else was asked for.
const defaultMinor = "1.37"

// etcdVersion serves every API server of kubernetesPatches.
const etcdVersion = "v3.7.3"

// kubernetesPatches pins, for each minor that can be built, the patch release.
// Only here are versions of Kubernetes raised.
var kubernetesPatches = map[string]string{
	"1.30": "v1.30.14",
	"1.34": "v1.34.4",
	"1.35": "v1.35.4",
	"1.36": "v1.36.3",
	"1.37": "v1.37.2",
}

// release is one Kubernetes to find.
type release struct {
	minor string // "1.37"
	patch string // "v1.37.2"
}

// parseRelease accepts a minor as "1.37" or "v1.37", or the pinned patch of one
// as "1.37.2".
func parseRelease(asked string) (release, error) {
	bare := strings.TrimPrefix(asked, "v")
	for minor, patch := range kubernetesPatches {
		if bare == minor || "v"+bare == patch {
			return release{minor: minor, patch: patch}, nil
		}
	}
	return release{}, fmt.Errorf("choosing Kubernetes %q: not one of %s", asked, strings.Join(minors(), ", "))
}

// minors lists what parseRelease accepts, oldest first.
func minors() []string {
	return slices.SortedFunc(maps.Keys(kubernetesPatches), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}

// staging is the version under which Kubernetes publishes its own libraries:
// v0.37.2 for v1.37.2.
func (r release) staging() string {
	return "v0." + strings.TrimPrefix(r.patch, "v1.")
}

// number is the minor as /version reports it: "37" for 1.37.
func (r release) number() string {
	return strings.TrimPrefix(r.minor, "1.")
}
