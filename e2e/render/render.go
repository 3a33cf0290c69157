package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
)

// Name is the release and the Namespace that install.yaml is rendered for.
const Name = "keda-trust"

// oldestKubernetes is the oldest version that the chart supports. Helm would take the
// version of its own client libraries.
const oldestKubernetes = "v1.30.0"

const header = "# Rendered from manifests/chart; do not edit. To change it: go run -C e2e/render .\n"

// Install renders the chart in dir as manifests/install.yaml: with default values
// and the Namespace that `helm install --create-namespace` would have made.
func Install(dir string) (string, error) {
	rendered, err := Chart(dir, Name, map[string]any{"namespace": map[string]any{"create": true}})
	if err != nil {
		return "", err
	}
	return header + rendered, nil
}

// Chart renders the chart in dir with values for a release in namespace, as
// `helm template` does: schema checked, no cluster asked, in installation order.
func Chart(dir, namespace string, values map[string]any) (string, error) {
	chart, err := loader.Load(dir)
	if err != nil {
		return "", fmt.Errorf("loading chart %s: %w", dir, err)
	}
	version, err := common.ParseKubeVersion(oldestKubernetes)
	if err != nil {
		return "", fmt.Errorf("parsing Kubernetes version %s: %w", oldestKubernetes, err)
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy = action.DryRunClient
	install.ReleaseName = Name
	install.Namespace = namespace
	install.KubeVersion = version
	released, err := install.Run(chart, values)
	if err != nil {
		return "", fmt.Errorf("rendering chart %s: %w", dir, err)
	}
	release, ok := released.(*releasev1.Release)
	if !ok {
		return "", fmt.Errorf("rendering chart %s: got a %T, want a release of version 1", dir, released)
	}
	return withoutBlankEnds(release.Manifest), nil
}

// withoutBlankEnds drops the empty lines between documents, of which each version
// of Helm writes its own number.
func withoutBlankEnds(manifest string) string {
	blank := regexp.MustCompile(`\n\n+(---\n|$)`)
	return blank.ReplaceAllString(strings.Trim(manifest, "\n")+"\n", "\n$1")
}

func unified(committed, rendered string) (string, error) {
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A:        difflib.SplitLines(committed),
		B:        difflib.SplitLines(rendered),
		FromFile: "manifests/install.yaml",
		ToFile:   "manifests/chart",
		Context:  3,
	})
}
