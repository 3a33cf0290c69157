package node

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
)

// Load makes an image of a binary and has the node hold it, whatever a pod's
// imagePullPolicy. An image that the node had under that name is replaced for
// pods that start from now on.
func (n Node) Load(ctx context.Context, cache gobuild.Cache, spec image.Spec) error {
	running, err := n.Running()
	if err != nil {
		return err
	}
	if !running {
		return errors.New("loading an image: there is no node; make cluster starts one")
	}
	tag, err := spec.Reference()
	if err != nil {
		return err
	}
	client, err := cache.Build(ctx, ofContainerd(ctr))
	if err != nil {
		return err
	}
	if err := n.push(ctx, spec); err != nil {
		return err
	}
	pull := exec.CommandContext(ctx, client, "--address", n.containerd(), "--namespace", "k8s.io",
		"images", "pull", "--hosts-dir", n.path("etc/registries"), tag.Name())
	if out, err := pull.CombinedOutput(); err != nil {
		return fmt.Errorf("loading %s: %w: %s", tag.Name(), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// pushPause gives the registry the image without which no pod starts.
func (n Node) pushPause(ctx context.Context, cache gobuild.Cache) error {
	binary, err := cache.Build(ctx, pauseProgram())
	if err != nil {
		return err
	}
	return n.push(ctx, image.Spec{Name: pauseImage, Binary: binary, User: image.NonRoot})
}

// push waits for the registry, which is there soon after the node's start.
func (n Node) push(ctx context.Context, spec image.Spec) error {
	prober, err := newProber("")
	if err != nil {
		return err
	}
	err = until(ctx, time.Minute, "waiting for the node's registry", func() (bool, error) {
		if err := n.healthy(); err != nil {
			return false, err
		}
		return prober.answers(ctx, "tcp://"+n.images()), nil
	})
	if err != nil {
		return err
	}
	return spec.Push(ctx, n.images())
}
