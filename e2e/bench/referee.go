package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// referenceProcess is the process of the references, which stand for a webhook
// in production as keda-trust does: one more process on the same machine.
type referenceProcess struct {
	command  *exec.Cmd
	called   chan struct{} // closed when the no-op was called, or the process is gone
	caBundle []byte
	port     int
}

// startReferences starts this program once more.
func (b *bench) startReferences(ctx context.Context, patch []jsonpatch.Operation) (*referenceProcess, error) {
	port, err := local.FreePort()
	if err != nil {
		return nil, err
	}
	pair, err := certificates.Issue("references", nil, net.ParseIP(loopback))
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encoding the patch: %w", err)
	}
	for name, content := range map[string][]byte{certificateFile: pair.Certificate, keyFile: pair.Key, patchFile: encoded} {
		if err := os.WriteFile(b.file(name), content, 0o600); err != nil {
			return nil, fmt.Errorf("writing for the references: %w", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting the references: %w", err)
	}
	r := &referenceProcess{caBundle: pair.CA, port: port, called: make(chan struct{})}
	r.command = exec.CommandContext(ctx, self, "references", "--port", strconv.Itoa(port), "--dir", b.dir)
	r.command.Cancel = func() error { return r.command.Process.Signal(syscall.SIGTERM) }
	r.command.WaitDelay = 10 * time.Second
	r.command.Stderr = os.Stderr
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the references: %w", err)
	}
	if err := r.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the references: %w", err)
	}
	go func() {
		bufio.NewScanner(out).Scan()
		close(r.called)
	}()
	return r, nil
}

func (r *referenceProcess) stop() error {
	if err := r.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the references: %w", err)
	}
	<-r.called // nothing is read any more
	if err := r.command.Wait(); err != nil {
		return fmt.Errorf("stopping the references: %w", err)
	}
	return nil
}

// addReferences makes admission in two namespaces call the references.
func (b *bench) addReferences(ctx context.Context, noop, constant string) error {
	configurations := b.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	for _, c := range []*admissionregistrationv1.MutatingWebhookConfiguration{
		b.references.configuration("noop.bench", noopPath, noop),
		b.references.configuration("constant.bench", constantPath, constant),
	} {
		if _, err := configurations.Create(ctx, c, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("adding the webhook %s: %w", c.Name, err)
		}
	}
	return nil
}

// configuration calls one of the references for Deployments of one namespace,
// with the same rules as keda-trust's own.
func (r *referenceProcess) configuration(name, path, namespace string) *admissionregistrationv1.MutatingWebhookConfiguration {
	url := fmt.Sprintf("https://%s:%d%s", loopback, r.port, path)
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name:         name + ".keda-trust.io",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: r.caBundle},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}, Scope: ptr(admissionregistrationv1.NamespacedScope)},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             ptr(admissionregistrationv1.SideEffectClassNone),
			FailurePolicy:           ptr(admissionregistrationv1.Fail), // a measurement of nothing would be worse
			ReinvocationPolicy:      ptr(admissionregistrationv1.IfNeededReinvocationPolicy),
			TimeoutSeconds:          ptr[int32](5),
		}},
	}
}

func ptr[T any](v T) *T { return &v }
