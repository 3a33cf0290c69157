package platform

import (
	"context"
	"fmt"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// KEDADeployments are the Deployments of KEDA's release.
var KEDADeployments = []string{"keda-operator", "keda-metrics-apiserver", "keda-admission"}

// InstallTrust installs keda-trust from the chart of the checkout, or upgrades
// it, and returns when all replicas answer. Values are as helm's --set takes
// them: "replicas=3".
func (p *Platform) InstallTrust(ctx context.Context, values ...string) error {
	image, err := p.trustImage(ctx)
	if err != nil {
		return err
	}
	return p.installTrust(ctx, p.root, image, values)
}

// InstallTrustBefore does the same with the keda-trust of Before, and with the one
// of the checkout where nobody named another. It returns which.
func (p *Platform) InstallTrustBefore(ctx context.Context) (version string, err error) {
	if p.before == "" {
		return "itself", p.InstallTrust(ctx)
	}
	image, err := p.Load(ctx, p.before, "./cmd/keda-trust")
	if err != nil {
		return "", err
	}
	return filepath.Base(p.before), p.installTrust(ctx, p.before, image, nil)
}

func (p *Platform) installTrust(ctx context.Context, checkout, image string, values []string) error {
	repository, tag, err := splitImage(image)
	if err != nil {
		return err
	}
	args := []string{
		"upgrade", injector.Name, filepath.Join(checkout, "manifests", "chart"), "--install",
		"--namespace", injector.Name, "--create-namespace", "--wait", "--timeout", "5m",
		"--set", "image.repository=" + repository, "--set-string", "image.tag=" + tag,
	}
	for _, value := range values {
		args = append(args, "--set", value)
	}
	_, err = p.tool(ctx, helm, args)
	return err
}

// UninstallTrust takes it away again, the Namespace as well; it need not be
// there.
func (p *Platform) UninstallTrust(ctx context.Context) error {
	args := []string{"uninstall", injector.Name, "--namespace", injector.Name, "--ignore-not-found", "--wait", "--timeout", "2m"}
	if _, err := p.tool(ctx, helm, args); err != nil {
		return err
	}
	return p.DeleteNamespace(ctx, injector.Name)
}

// RollTrustBack returns to what InstallTrust installed before the last time, and
// returns when all replicas of that answer.
func (p *Platform) RollTrustBack(ctx context.Context) error {
	_, err := p.tool(ctx, helm, []string{"rollback", injector.Name, "--namespace", injector.Name, "--wait", "--timeout", "5m"})
	return err
}

// ApplyKEDA applies KEDA's own release with server-side apply, unchanged but for
// what a person edits in it. It does not wait for it, for some journeys are about
// a KEDA that does not start.
func (p *Platform) ApplyKEDA(ctx context.Context, release keda.Release, edits ...func(*unstructured.Unstructured) error) error {
	objects, err := p.release(ctx, release)
	if err != nil {
		return err
	}
	for _, object := range objects {
		edited := object.DeepCopy()
		for _, edit := range edits {
			if err := edit(edited); err != nil {
				return fmt.Errorf("editing %s: %w", local.Title(edited), err)
			}
		}
		if _, err := p.Apply(ctx, edited); err != nil {
			return err
		}
	}
	return nil
}

// release is KEDA's, as it is published. Rendering it takes seconds.
func (p *Platform) release(ctx context.Context, release keda.Release) ([]*unstructured.Unstructured, error) {
	if rendered, ok := p.releases[release]; ok {
		return rendered, nil
	}
	rendered, err := local.KEDAReleaseOf(ctx, "v"+string(release))
	if err != nil {
		return nil, err
	}
	p.releases[release] = rendered
	return rendered, nil
}

// AwaitKEDA returns when all components are rolled out and the API server
// reaches the external metrics.
func (p *Platform) AwaitKEDA(ctx context.Context) error {
	for _, name := range KEDADeployments {
		if err := p.AwaitRollout(ctx, injector.DefaultKEDANamespace, name); err != nil {
			return err
		}
	}
	return p.AwaitAPIService(ctx, injector.KEDAAPIService)
}

// AwaitInjected returns when every component is. Their new pods may be on the way then.
func (p *Platform) AwaitInjected(ctx context.Context) error {
	for _, name := range KEDADeployments {
		what := fmt.Sprintf("Deployment %s to be injected", name)
		err := p.await(ctx, rolloutBound, what, func(ctx context.Context) (string, error) {
			d, err := p.Pods.AppsV1().Deployments(injector.DefaultKEDANamespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil || d.Labels[injector.LabelState] == injector.StateInjected {
				return "", err
			}
			return fmt.Sprintf("its label %s is %q", injector.LabelState, d.Labels[injector.LabelState]), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
