package manifests_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/serving"
)

// wantPublished gives KEDA a certificate and a custom CA of that CA.
func wantPublished(t *testing.T, ca certtest.CA) {
	t.Helper()
	leaf := ca.Leaf(t, certtest.KEDANames(keda))
	at := metav1.ObjectMeta{Namespace: keda, Name: "source"}
	for _, source := range []client.Object{
		&corev1.Secret{ObjectMeta: at, Data: map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM}},
		&corev1.ConfigMap{ObjectMeta: at, Data: map[string]string{"ca.crt": string(ca.CertPEM)}},
	} {
		err := admin.Create(t.Context(), source)
		if apierrors.IsAlreadyExists(err) {
			err = admin.Update(t.Context(), source)
		}
		if err != nil {
			t.Fatal(err)
		}
		removeAfter(t, source)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: keda, Name: injector.PublishedSecret}}
	state := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: keda, Name: injector.StateConfigMap}}
	published := func(ctx context.Context) (bool, error) {
		err := errors.Join(admin.Get(ctx, client.ObjectKeyFromObject(secret), secret), admin.Get(ctx, client.ObjectKeyFromObject(state), state))
		if err != nil {
			return false, client.IgnoreNotFound(err)
		}
		decided, err := injector.ParseState([]byte(state.Data[injector.StateKey]))
		return err == nil && bytes.Equal(decided.CABundle, ca.CertPEM) && bytes.Equal(secret.Data["tls.crt"], leaf.CertPEM), err
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, published); err != nil {
		t.Errorf("publishing the certificate and the custom CA of %s: %v", ca.Cert.Subject, err)
	}
	removeAfter(t, secret, state)
}

func removeAfter(t *testing.T, objects ...client.Object) {
	t.Cleanup(func() {
		for _, object := range objects {
			if err := client.IgnoreNotFound(admin.Delete(context.WithoutCancel(t.Context()), object)); err != nil {
				t.Error(err)
			}
		}
	})
}

// patience is how long a running keda-trust may take on a busy machine.
const patience = 30 * time.Second

// storedEvent is one about a Namespace, and where it is kept.
type storedEvent struct{ about, storedIn, reason, note string }

func wantEvent(t *testing.T, want storedEvent) {
	t.Helper()
	var others []string
	stored := func(ctx context.Context) (bool, error) {
		list := &corev1.EventList{}
		if err := admin.List(ctx, list, client.InNamespace(want.storedIn)); err != nil {
			return false, err
		}
		others = nil
		for _, e := range list.Items {
			if e.InvolvedObject.Kind == "Namespace" && e.InvolvedObject.Name == want.about && e.Reason == want.reason && strings.Contains(e.Message, want.note) {
				return true, nil
			}
			others = append(others, fmt.Sprintf("%s %s %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message))
		}
		return false, nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, stored); err != nil {
		t.Errorf("no Event %s about Namespace %s in %s (%v); there are:\n%s", want.reason, want.about, want.storedIn, err, strings.Join(others, "\n"))
	}
}

// label hands the Namespace, created if it is not there, to keda-trust until the
// test ends.
func label(t *testing.T, namespace *corev1.Namespace, annotations map[string]string) {
	t.Helper()
	if err := client.IgnoreAlreadyExists(admin.Create(t.Context(), namespace)); err != nil {
		t.Fatal(err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); err != nil {
		t.Fatal(err)
	}
	before := namespace.DeepCopy()
	metav1.SetMetaDataLabel(&namespace.ObjectMeta, injector.LabelInject, string(injector.ModeEnabled))
	for key, value := range annotations {
		metav1.SetMetaDataAnnotation(&namespace.ObjectMeta, key, value)
	}
	if err := admin.Patch(t.Context(), namespace, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		after := namespace.DeepCopy()
		after.Labels, after.Annotations = before.Labels, before.Annotations
		if err := admin.Patch(context.WithoutCancel(t.Context()), after, client.MergeFrom(namespace)); err != nil {
			t.Error(err)
		}
	})
}

// runAsKedaTrust runs all of keda-trust with the rights of its ServiceAccount, known
// by uid in the audit log, until the test ends.
func runAsKedaTrust(t *testing.T, uid string, clock func() time.Time, kedaNamespaces ...string) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	config := kedaTrustConfig()
	config.Impersonate.UID = uid
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- webhook.Run(life, config, webhook.Options{
			Serving:        serving.Options{Namespace: own},
			Port:           clustertest.FreePort(t),
			MetricsAddress: "0",
			HealthAddress:  "0",
			KEDANamespaces: kedaNamespaces,
			LeaderElection: true,
			// No pods run, so nobody is waited for.
			ConvergenceTimeout: time.Second,
			Now:                clock,
		})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
