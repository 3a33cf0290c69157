package main

import (
	"context"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// ours is keda-trust, installed from its manifests.
type ours struct{ port int }

func (*ours) name() string                      { return injector.Name }
func (*ours) program() (string, string)         { return ".", "./cmd/keda-trust" }
func (*ours) dependency() string                { return "" }
func (*ours) served() string                    { return injector.PublishedSecret }
func (*ours) prunes() bool                      { return true }
func (*ours) adjust(*unstructured.Unstructured) {}

func (*ours) source(m *material) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: teamSecret}, Type: corev1.SecretTypeTLS, Data: m.data()}
}

func (o *ours) prepare(ctx context.Context, t *turn) (err error) {
	if o.port, err = local.FreePort(); err != nil {
		return err
	}
	if _, err := t.cluster.Install(ctx, filepath.Join(t.bench.options.root, local.Manifest), o.port); err != nil {
		return err
	}
	return t.cluster.WriteAccount(t.file("keda-trust.kubeconfig"))
}

// enlist labels the namespace.
func (*ours) enlist(ctx context.Context, t *turn) error {
	return t.cluster.ApplyNamespace(ctx, injector.DefaultKEDANamespace,
		map[string]string{injector.LabelInject: string(injector.ModeEnabled)},
		map[string]string{injector.AnnotationCertificate: "secret/" + teamSecret},
	)
}

func (o *ours) start(ctx context.Context, t *turn, patience time.Duration) (*local.Process, error) {
	options := local.ServerOptions{
		Binary:      t.binary,
		Kubeconfig:  t.file("keda-trust.kubeconfig"),
		Log:         t.file("keda-trust.log"),
		WebhookPort: o.port,
		Flags:       []string{"--convergence-timeout=" + patience.String()},
	}
	server, err := local.StartServer(ctx, options)
	if err != nil {
		return nil, err
	}
	return server.Process, nil
}
