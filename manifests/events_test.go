package manifests_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/serving"
)

// What keda-trust tells of a namespace has to be stored somewhere with the rights
// of install.yaml, most of all where what it tells is that rights are missing.
func TestEventsAreStoredWhateverWasGranted(t *testing.T) {
	needCluster(t)
	const unlisted, roleless = "unlisted", "roleless"
	missing := map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/absent"}
	for _, name := range []string{unlisted, roleless} {
		label(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, missing)
	}
	label(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: keda}}, missing)
	runAsKedaTrust(t, keda, roleless)

	for _, e := range []storedEvent{
		{keda, keda, "SourceMissing", "ConfigMap keda/absent"},
		{unlisted, metav1.NamespaceDefault, "NamespaceNotGranted", `"unlisted" in the chart's value kedaNamespaces`},
		{mistypedNamespace, metav1.NamespaceDefault, "OptionInvalid", `"on"`},
		{roleless, metav1.NamespaceDefault, "NamespaceNotGranted", "lacks a right that its chart grants"},
	} {
		wantEvent(t, e)
	}
}

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
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, stored); err != nil {
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

// runAsKedaTrust runs all of keda-trust with the rights of its ServiceAccount
// until the test ends.
func runAsKedaTrust(t *testing.T, kedaNamespaces ...string) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- webhook.Run(life, kedaTrustConfig(), webhook.Options{
			Serving:        serving.Options{Namespace: own},
			Port:           clustertest.FreePort(t),
			MetricsAddress: "0",
			HealthAddress:  "0",
			KEDANamespaces: kedaNamespaces,
			LeaderElection: true,
		})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
