package manifests

import "embed"

// InstallYAML is the chart rendered with its default values into the Namespace
// keda-trust, that Namespace included: YAML documents in installation order.
//
//go:embed install.yaml
var InstallYAML []byte

// Chart is the Helm chart keda-trust under "chart/".
//
//go:embed all:chart
var Chart embed.FS
