package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultMinor is tested where nothing else was asked for.
const DefaultMinor = "1.37"

// etcdVersion serves every API server of patches.
const etcdVersion = "v3.7.3"

// patches pins, for each minor that can be built, the patch release.
var patches = map[string]string{
	"1.30": "v1.30.14",
	"1.31": "v1.31.13",
	"1.32": "v1.32.9",
	"1.33": "v1.33.13",
	"1.34": "v1.34.4",
	"1.35": "v1.35.4",
	"1.36": "v1.36.3",
	"1.37": "v1.37.2",
}

// Release is one Kubernetes.
type Release struct {
	Minor string // "1.37"
	Patch string // "v1.37.2"
}

// ParseRelease accepts a minor as "1.37" or "v1.37", or the pinned patch of one
// as "1.37.2".
func ParseRelease(asked string) (Release, error) {
	bare := strings.TrimPrefix(asked, "v")
	for minor, patch := range patches {
		if bare == minor || "v"+bare == patch {
			return Release{Minor: minor, Patch: patch}, nil
		}
	}
	return Release{}, fmt.Errorf("choosing Kubernetes %q: not one of %s", asked, strings.Join(Minors(), ", "))
}

// Minors lists what ParseRelease accepts, oldest first.
func Minors() []string {
	return slices.SortedFunc(maps.Keys(patches), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}

// staging is the version under which Kubernetes publishes its own libraries:
// v0.37.2 for v1.37.2.
func (r Release) staging() string {
	return "v0." + strings.TrimPrefix(r.Patch, "v1.")
}

// number is the minor as /version reports it: "37" for 1.37.
func (r Release) number() string {
	return strings.TrimPrefix(r.Minor, "1.")
}
