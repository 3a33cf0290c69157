package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"gomodules.xyz/jsonpatch/v2"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const (
	noopPath     = "/noop"
	constantPath = "/constant"

	certificateFile = "references.crt"
	keyFile         = "references.key"
	patchFile       = "references.json"
)

// references are what keda-trust is held against, on controller-runtime's
// server: the least that a webhook can be, which allows everything and changes
// nothing, and one that answers keda-trust's own patch without reading what it
// was asked. What the second adds over the first is the API server's work with
// the patch, which nobody who makes this change can save.
type references struct {
	patch  []jsonpatch.Operation
	called sync.Once
}

// serveReferences is the program of the process that startReferences starts.
func serveReferences(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench references", flag.ContinueOnError)
	port := flags.Int("port", 0, "where to listen on 127.0.0.1")
	dir := flags.String("dir", "", "where the certificate and the patch are")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	r := &references{}
	content, err := os.ReadFile(filepath.Join(*dir, patchFile))
	if err != nil {
		return fmt.Errorf("reading the patch: %w", err)
	}
	if err := json.Unmarshal(content, &r.patch); err != nil {
		return fmt.Errorf("reading the patch: %w", err)
	}
	server := webhook.NewServer(webhook.Options{
		Host:     loopback,
		Port:     *port,
		CertDir:  *dir,
		CertName: certificateFile,
		KeyName:  keyFile,
		TLSOpts:  []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }}, // as ours
	})
	server.Register(noopPath, &admission.Webhook{Handler: admission.HandlerFunc(r.allow)})
	server.Register(constantPath, &admission.Webhook{Handler: admission.HandlerFunc(r.change)})
	if err := server.Start(ctx); err != nil {
		return fmt.Errorf("serving the references: %w", err)
	}
	return nil
}

// errUsage was told by the flags.
var errUsage = errors.New("wrong usage")

func (r *references) allow(context.Context, admission.Request) admission.Response {
	r.called.Do(func() { fmt.Println(noopPath) }) // who started this process waits for it
	return admission.Allowed("")
}

func (r *references) change(context.Context, admission.Request) admission.Response {
	return admission.Patched("", r.patch...)
}
