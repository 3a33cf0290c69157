package main

import (
	"testing"

	actionv3 "helm.sh/helm/v3/pkg/action"
	loaderv3 "helm.sh/helm/v3/pkg/chart/loader"
	chartutilv3 "helm.sh/helm/v3/pkg/chartutil"
)

func TestHelm3RendersTheSame(t *testing.T) {
	for _, values := range []string{"", "{failurePolicy: Fail, createNamespaces: true, sourceSecrets: [a], serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, networkPolicy: {enabled: true}}"} {
		want := rendered(t, parsed(t, values))
		if got := renderedByHelm3(t, parsed(t, values)); got != want {
			diff, err := unified(want, got)
			t.Errorf("Helm 3 renders something else with {%s} (%v):\n%s", values, err, diff)
		}
	}
}

func renderedByHelm3(t *testing.T, values map[string]any) string {
	t.Helper()
	chart, err := loaderv3.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	install := actionv3.NewInstall(&actionv3.Configuration{})
	install.DryRun, install.ClientOnly = true, true
	install.KubeVersion = &chartutilv3.KubeVersion{Version: oldestKubernetes, Major: "1", Minor: "30"}
	install.ReleaseName, install.Namespace = Name, Name
	release, err := install.Run(chart, values)
	if err != nil {
		t.Fatal(err)
	}
	return withoutBlankEnds(release.Manifest)
}
