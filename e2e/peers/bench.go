package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// bench is what all turns share.
type bench struct {
	options    options
	dir        string // everything that is written
	release    []*unstructured.Unstructured
	material   []*material
	kubernetes string
}

// measure runs every turn. What is built and made is not measured.
func measure(ctx context.Context, o options) (r *results, err error) {
	dir, err := os.MkdirTemp("", "keda-trust-peers-")
	if err != nil {
		return nil, fmt.Errorf("creating a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir}
	all := everybody()
	r = &results{machine: figures.Machine(), options: o}
	tell("building %d programs, which takes minutes the first time", len(all))
	for _, c := range all {
		version, err := b.build(ctx, c)
		if err != nil {
			return nil, err
		}
		r.standings = append(r.standings, &standing{name: c.name(), version: version})
	}
	if b.release, err = local.KEDARelease(ctx); err != nil {
		return nil, err
	}
	// As many as a turn takes: what is there at first, one for the calls, and
	// those of both phases.
	if b.material, err = newMaterial(2 + 2*(warmUp+o.rotations)); err != nil {
		return nil, err
	}
	for round := range o.rounds {
		if err := b.round(ctx, round, orderOf(all, round), r); err != nil {
			return nil, err
		}
	}
	r.kubernetes = b.kubernetes
	return r, nil
}

// round gives each contender its turn.
func (b *bench) round(ctx context.Context, round int, order []contender, r *results) error {
	for _, c := range order {
		title := fmt.Sprintf("round %d of %d, %s", round+1, b.options.rounds, c.name())
		t := &turn{
			bench:     b,
			contender: c,
			binary:    b.binary(c),
			dir:       filepath.Join(b.dir, fmt.Sprintf("%d-%s", round, c.name())),
			material:  b.material,
			tell:      func(format string, args ...any) { tell(title+": "+format, args...) },
		}
		m, err := t.run(ctx)
		if err != nil {
			return err
		}
		standing := r.find(c.name())
		standing.turns = append(standing.turns, m)
	}
	return nil
}

// build makes a contender's program and says which version is in it.
func (b *bench) build(ctx context.Context, c contender) (string, error) {
	module, program := c.program()
	if err := local.Build(ctx, filepath.Join(b.options.root, module), program, b.binary(c)); err != nil {
		return "", err
	}
	return versionOf(b.binary(c), c.dependency())
}

func (b *bench) binary(c contender) string { return filepath.Join(b.dir, c.name()) }

// tell says how far it is. The result alone is on stdout.
func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "peers: %s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}
