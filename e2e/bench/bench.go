package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/keda-trust/keda-trust/e2e/figures"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	loopback = "127.0.0.1"
	warmUp   = 50
	idle     = 5 * time.Second
)

// bench is everything that is started for one run.
type bench struct {
	root       string // the checkout
	dir        string // everything that is written
	cluster    *local.Cluster
	client     *kubernetes.Clientset
	server     *local.Server
	references *referenceProcess
	state      *injector.State
}

// measure starts everything, measures, and stops everything.
func measure(ctx context.Context, root string, n int) (r *results, err error) {
	dir, err := os.MkdirTemp("", "keda-trust-bench-")
	if err != nil {
		return nil, fmt.Errorf("creating a directory: %w", err)
	}
	b := &bench{root: root, dir: dir}
	defer func() { err = errors.Join(err, b.close()) }()
	r = &results{machine: figures.Machine()}
	if err := b.start(ctx, r); err != nil {
		return nil, err
	}
	operator, err := b.installKEDA(ctx)
	if err != nil {
		return nil, err
	}
	return r, b.fill(ctx, r, operator, n)
}

// fill takes the measurements, the idle memory before any load.
func (b *bench) fill(ctx context.Context, r *results, operator *unstructured.Unstructured, n int) (err error) {
	if r.idle, err = b.idleMemory(ctx); err != nil {
		return err
	}
	if r.contenders, err = b.contenders(ctx); err != nil {
		return err
	}
	operator.SetName(sampleName)
	operator.SetNamespace("") // the request's
	body, err := json.Marshal(operator)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", local.Title(operator), err)
	}
	a := admissions{client: b.client.AppsV1().RESTClient(), body: body}
	_, unchanged, err := a.once(ctx, r.find(nameNone).namespace)
	if err != nil {
		return err
	}
	patch, err := patchOf(unchanged, b.state)
	if err != nil {
		return err
	}
	if err := b.refer(ctx, r, patch); err != nil {
		return err
	}
	if err := b.prove(ctx, a, r.contenders); err != nil {
		return err
	}
	if err := a.run(ctx, r.contenders, warmUp, n); err != nil {
		return err
	}
	if r.loaded, err = b.memory(); err != nil {
		return err
	}
	r.seam = measureSeam(unchanged, b.state)
	r.handler, err = measureHandler(ctx, b.root)
	return err
}

// refer starts the references and has them called.
func (b *bench) refer(ctx context.Context, r *results, patch []jsonpatch.Operation) (err error) {
	if b.references, err = b.startReferences(ctx, patch); err != nil {
		return err
	}
	return b.addReferences(ctx, r.find(nameNoop).namespace, r.find(nameConstant).namespace)
}

// start brings up the control plane and keda-trust, the latter twice: the first
// time it has to make its CA.
func (b *bench) start(ctx context.Context, r *results) error {
	if err := local.Build(ctx, b.root, "./cmd/keda-trust", b.binary()); err != nil {
		return err
	}
	var err error
	if b.cluster, err = local.StartCluster(); err != nil {
		return err
	}
	r.kubernetes = b.cluster.Version
	if b.client, err = b.cluster.Clientset(); err != nil {
		return err
	}
	port, err := local.FreePort()
	if err != nil {
		return err
	}
	// The manifests grant Roles in it and do not make it.
	if err := b.cluster.ApplyNamespace(ctx, injector.DefaultKEDANamespace, nil, nil); err != nil {
		return err
	}
	if _, err := b.cluster.Install(ctx, filepath.Join(b.root, local.Manifest), port); err != nil {
		return err
	}
	options := local.ServerOptions{Binary: b.binary(), Kubeconfig: b.file("keda-trust.kubeconfig"), Log: b.file("keda-trust.log"), WebhookPort: port}
	if err := b.cluster.WriteAccount(options.Kubeconfig); err != nil {
		return err
	}
	return b.startTwice(ctx, options, r)
}

func (b *bench) startTwice(ctx context.Context, options local.ServerOptions, r *results) (err error) {
	if r.firstReady, err = b.serve(ctx, options); err != nil {
		return err
	}
	if err := b.server.Stop(); err != nil {
		return err
	}
	r.nextReady, err = b.serve(ctx, options)
	return err
}

// serve starts keda-trust and says how long it took from there to ready.
func (b *bench) serve(ctx context.Context, options local.ServerOptions) (time.Duration, error) {
	start := time.Now()
	server, err := local.StartServer(ctx, options)
	if err != nil {
		return 0, err
	}
	b.server = server
	return time.Since(start), nil
}

// close stops what was started, newest first, and removes the directory.
func (b *bench) close() error {
	var faults []error
	if b.server != nil {
		faults = append(faults, b.server.Stop())
	}
	if b.references != nil {
		faults = append(faults, b.references.stop())
	}
	if b.cluster != nil {
		faults = append(faults, b.cluster.Stop())
	}
	return errors.Join(append(faults, os.RemoveAll(b.dir))...)
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) binary() string { return b.file(injector.Name) }
