// Package keda says which releases of KEDA there are to test with, and how their
// programs are built.
//
// It promises that each release is pinned, and that this is the only place to
// raise one. It must never import a package of KEDA, which is built apart from
// us.
package keda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
)

// versions pins, for each minor whose module is served, the patch release.
var versions = map[string]string{
	"2.15": "2.15.1",
	"2.16": "2.16.1",
	"2.20": "2.20.2",
	"2.21": "2.21.0",
}

// Release is a version of KEDA, "2.21.0".
type Release string

// Parse accepts a minor as "2.21" or "v2.21", or the pinned patch of one.
func Parse(asked string) (Release, error) {
	bare := strings.TrimPrefix(asked, "v")
	for minor, version := range versions {
		if bare == minor || bare == version {
			return Release(version), nil
		}
	}
	known := slices.Sorted(maps.Keys(versions))
	return "", fmt.Errorf("choosing KEDA %q: not one of %s", asked, strings.Join(known, ", "))
}

// Operator takes longest to build; the others share most of it.
func (r Release) Operator() gobuild.Program {
	return r.program("keda", "operator", "12 minutes on two cores, less where a neighbouring version was built before,")
}

// MetricsAPIServer serves external metrics.
func (r Release) MetricsAPIServer() gobuild.Program {
	return r.program("keda-adapter", "adapter", "2 minutes")
}

// AdmissionWebhooks validate what users write.
func (r Release) AdmissionWebhooks() gobuild.Program {
	return r.program("keda-admission-webhooks", "webhooks", "a minute")
}

// program is named as KEDA's manifests call it.
func (r Release) program(name, command, takes string) gobuild.Program {
	const module = "github.com/kedacore/keda/v2"
	return gobuild.Program{
		Name:    name,
		Module:  module,
		Version: "v" + string(r),
		Package: "/cmd/" + command,
		Linking: fmt.Sprintf("-X %[1]s/version.Version=%[2]s -X %[1]s/version.GitCommit=v%[2]s", module, r),
		Takes:   takes,
	}
}
