package platform

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
)

// Tools that people use, by their package.
const (
	helm    = "helm.sh/helm/v4/cmd/helm"
	kubectl = "github.com/keda-trust/keda-trust/e2e/installers/kubectl"
)

// Kubectl does what a person types after "kubectl", and returns what they read.
func (p *Platform) Kubectl(ctx context.Context, args ...string) (string, error) {
	return p.tool(ctx, kubectl, args)
}

// Trust does what a person types after "keda-trust", with the one of the
// checkout. What it says is returned also where its exit code is an error.
func (p *Platform) Trust(ctx context.Context, args ...string) (string, error) {
	binary, err := p.build(ctx, p.root, "./cmd/keda-trust")
	if err != nil {
		return "", err
	}
	return p.run(ctx, binary, args)
}

// Revision is what git calls the checkout: a tag, or a commit, and "-dirty" where
// it has changes, but for the table of results: one run after the other writes it.
func (p *Platform) Revision(ctx context.Context) (string, error) {
	name, err := p.run(ctx, "git", []string{"-C", p.root, "describe", "--tags", "--always"})
	if err != nil {
		return "", err
	}
	changes, err := p.run(ctx, "git", []string{"-C", p.root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!e2e/README.md"})
	if err != nil {
		return "", err
	}
	revision := strings.TrimSpace(name)
	if changes != "" {
		revision += "-dirty"
	}
	return revision, nil
}

// tool runs one that Go has built and keeps in its cache.
func (p *Platform) tool(ctx context.Context, name string, args []string) (string, error) {
	if p.tools[name] == "" {
		path, err := exec.CommandContext(ctx, "go", "-C", filepath.Join(p.root, "e2e"), "tool", "-n", name).Output()
		if err != nil {
			return "", fmt.Errorf("building %s: %w", name, err)
		}
		p.tools[name] = strings.TrimSpace(string(path))
	}
	return p.run(ctx, p.tools[name], args)
}

func (p *Platform) run(ctx context.Context, path string, args []string) (string, error) {
	command := exec.CommandContext(ctx, path, args...)
	command.Env = append(os.Environ(),
		clientcmd.RecommendedConfigPathEnvVar+"="+p.kubeconfig,
		"HELM_CACHE_HOME="+filepath.Join(p.dir, "helm-cache"),
		"HELM_CONFIG_HOME="+filepath.Join(p.dir, "helm-config"),
		"HELM_DATA_HOME="+filepath.Join(p.dir, "helm-data"),
	)
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("running %s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
