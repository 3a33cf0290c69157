package platform

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// ErrNoLoader says that this cluster holds no image but those that it pulls.
var ErrNoLoader = errors.New("no " + Loader + " names a command that gives images to this cluster")

// Load makes an image of a Go program, a package of the module in that
// directory, and returns its name. A program that has changed has another name.
func (p *Platform) Load(ctx context.Context, module, program string) (string, error) {
	if p.loader == "" {
		return "", fmt.Errorf("making an image of %s: %w", program, ErrNoLoader)
	}
	binary, err := p.build(ctx, module, program)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return "", fmt.Errorf("making an image of %s: %w", program, err)
	}
	digest := sha256.Sum256(content)
	name := fmt.Sprintf("e2e.keda-trust.invalid/%s:%x", filepath.Base(binary), digest[:6])
	_, err = p.run(ctx, p.loader, []string{"load", "--kubeconfig", p.kubeconfig, name, binary})
	return name, err
}

// build compiles a program into the platform's directory, once: linking one takes
// longer than what is asked of it.
func (p *Platform) build(ctx context.Context, module, program string) (string, error) {
	binary := filepath.Join(p.dir, filepath.Base(module), path.Base(program))
	if p.built[binary] {
		return binary, nil
	}
	if err := local.Build(ctx, module, program, binary); err != nil {
		return "", err
	}
	p.built[binary] = true
	return binary, nil
}

// trustImage is keda-trust's, made of the checkout where nobody named one.
func (p *Platform) trustImage(ctx context.Context) (string, error) {
	var err error
	if p.image == "" {
		p.image, err = p.Load(ctx, p.root, "./cmd/keda-trust")
	}
	return p.image, err
}

// splitImage separates a name as the chart has it: a registry's port is no tag.
func splitImage(name string) (repository, tag string, err error) {
	colon := strings.LastIndexByte(name, ':')
	if colon <= strings.LastIndexByte(name, '/') {
		return "", "", fmt.Errorf("reading %s: %q has no tag", Image, name)
	}
	return name[:colon], name[colon+1:], nil
}
