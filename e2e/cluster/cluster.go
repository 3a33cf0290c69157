package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keda-trust/keda-trust/e2e/assets/gobuild"
	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/cluster/image"
	"github.com/keda-trust/keda-trust/e2e/cluster/node"
)

// Values of --with.
const (
	withAuto = "auto"
	withKind = "kind"
	withNode = "node"
)

// cluster is one on this machine, of either sort.
type cluster struct {
	cache gobuild.Cache
	node  node.Node
	kind  kind
}

// clusters are all that a machine can have, of which any may be there.
func clusters(cache gobuild.Cache) []cluster {
	var all []cluster
	for number := 1; number <= node.Most; number++ {
		all = append(all, cluster{cache: cache, node: node.New(number, tell), kind: newKind(number, cache)})
	}
	return all
}

// existing are the clusters that are there, or the one of a kubeconfig's path.
func existing(all []cluster, only string) ([]cluster, error) {
	var found []cluster
	for _, c := range all {
		path, err := c.kubeconfig()
		if err != nil {
			return nil, err
		}
		if path != "" && (only == "" || path == only) {
			found = append(found, c)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case only != "":
		return nil, fmt.Errorf("looking for the cluster of %s: there is none", only)
	}
	return nil, errors.New("looking for a cluster: there is none; make cluster starts one")
}

// up returns the path of a kubeconfig.
func (c cluster) up(ctx context.Context, with string, releases []keda.Release) (string, error) {
	with, err := c.choose(with)
	if err != nil {
		return "", err
	}
	if with != withNode {
		created, err := c.tryKind(ctx, with == withKind)
		if err != nil {
			return "", err
		}
		if created {
			if len(releases) > 0 {
				tell("KEDA's images are not built: a node of kind pulls them by itself")
			}
			return c.kind.kubeconfig(), nil
		}
	}
	if err := c.node.Possible(); err != nil {
		return "", err
	}
	// Built before anything runs, for it is what takes longest.
	images, err := c.build(ctx, releases)
	if err != nil {
		return "", err
	}
	if err := c.node.Up(ctx, c.cache); err != nil {
		return "", err
	}
	for _, spec := range images {
		tell("loading %s", spec.Name)
		if err := c.node.Load(ctx, c.cache, spec); err != nil {
			return "", err
		}
	}
	return c.node.Kubeconfig(), nil
}

// tryKind tells whether there is a cluster of kind now. None is an error only
// where it must be one, or where something may be left of one: beside that, a
// node would be one that nobody looks at.
func (c cluster) tryKind(ctx context.Context, must bool) (bool, error) {
	found, ok := engine(ctx)
	if !ok {
		if must {
			return false, fmt.Errorf("creating a cluster with kind: none of %v runs", engines)
		}
		return false, nil
	}
	err := c.kind.up(ctx, found)
	switch {
	case err == nil:
		return true, nil
	case must, ctx.Err() != nil, c.kind.exists():
		return false, err
	}
	tell("%v; starting a node without it", err)
	return false, nil
}

// choose stays with what there is: a second cluster, of the other sort, would be
// one that nobody looks at.
func (c cluster) choose(with string) (string, error) {
	there, err := c.node.Exists()
	switch {
	case err != nil:
		return "", err
	case there && with == withKind, c.kind.exists() && with == withNode:
		return "", errors.New("starting a cluster: there is one of the other sort; take it away first (make cluster-down)")
	case there:
		return withNode, nil
	case c.kind.exists():
		return withKind, nil
	}
	return with, nil
}

// kubeconfig is the path of its own, empty where there is no such cluster.
func (c cluster) kubeconfig() (string, error) {
	there, err := c.node.Exists()
	switch {
	case err != nil:
		return "", err
	case there:
		return c.node.Kubeconfig(), nil
	case c.kind.exists():
		return c.kind.kubeconfig(), nil
	}
	return "", nil
}

func (c cluster) load(ctx context.Context, spec image.Spec) error {
	if c.kind.exists() {
		return c.kind.load(ctx, spec)
	}
	return c.node.Load(ctx, c.cache, spec)
}

// down takes away either sort, whichever there is.
func (c cluster) down(ctx context.Context) error {
	return errors.Join(c.node.Down(ctx), c.kind.down(ctx))
}
