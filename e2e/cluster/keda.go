package main

import (
	"context"

	"golang.org/x/mod/semver"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
)

// component is one of KEDA's programs, and its image without the binary.
type component struct {
	program gobuild.Program
	image   image.Spec
}

// components have the images that KEDA publishes, by name, entrypoint and user,
// so that its own manifests run on them unchanged.
func components(release keda.Release) []component {
	published := func(program gobuild.Program, repository string, args ...string) component {
		return component{program: program, image: image.Spec{
			Name: "ghcr.io/kedacore/" + repository + ":" + string(release),
			Args: args,
			User: image.NonRoot,
		}}
	}
	zap := []string{"--zap-log-level=info", "--zap-encoder=console"}
	metrics := append([]string{"--secure-port=6443"}, zap...)
	if semver.Compare("v"+string(release), "v2.18.0") < 0 { // it logged by klog until then
		metrics = []string{"--secure-port=6443", "--logtostderr=true", "--v=0"}
	}
	return []component{
		published(release.Operator(), "keda", zap...),
		published(release.MetricsAPIServer(), "keda-metrics-apiserver", metrics...),
		published(release.AdmissionWebhooks(), "keda-admission-webhooks", zap...),
	}
}

// build returns images that have their binaries.
func (c cluster) build(ctx context.Context, releases []keda.Release) ([]image.Spec, error) {
	var specs []image.Spec
	for _, release := range releases {
		for _, component := range components(release) {
			binary, err := c.cache.Build(ctx, component.program)
			if err != nil {
				return nil, err
			}
			spec := component.image
			spec.Binary = binary
			specs = append(specs, spec)
		}
	}
	return specs, nil
}
