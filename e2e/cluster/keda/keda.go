// Package keda says which releases of KEDA there are to test with, and how their
// images are made.
//
// It promises the names, entrypoints and users of the images that KEDA
// publishes, so that KEDA's own manifests run on them unchanged. It must never
// import a package of KEDA, which is built apart from us.
package keda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
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

// Component is one of KEDA's programs. Its image lacks the binary, which
// Program says how to build.
type Component struct {
	Program gobuild.Program
	Image   image.Spec
}

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

// Components are the operator, which takes longest to build, the metrics API
// server and the admission webhooks.
func (r Release) Components() []Component {
	return []Component{
		r.component("keda", "operator", "ghcr.io/kedacore/keda", "12 minutes on two cores, less where a neighbouring version was built before,"),
		r.component("keda-adapter", "adapter", "ghcr.io/kedacore/keda-metrics-apiserver", "2 minutes", "--secure-port=6443"),
		r.component("keda-admission-webhooks", "webhooks", "ghcr.io/kedacore/keda-admission-webhooks", "a minute"),
	}
}

func (r Release) component(binary, command, repository, takes string, args ...string) Component {
	const module = "github.com/kedacore/keda/v2"
	return Component{
		Program: gobuild.Program{
			Name:    binary,
			Module:  module,
			Version: "v" + string(r),
			Package: "/cmd/" + command,
			Linking: fmt.Sprintf("-X %[1]s/version.Version=%[2]s -X %[1]s/version.GitCommit=v%[2]s", module, r),
			Takes:   takes,
		},
		Image: image.Spec{
			Name: repository + ":" + string(r),
			Args: append(args, "--zap-log-level=info", "--zap-encoder=console"),
			User: image.NonRoot,
		},
	}
}
