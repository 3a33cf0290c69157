package manifests_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

const (
	// legacyNamespace stood there with a typo before the policy did.
	legacyNamespace = "legacy"
	legacyKey       = injector.Domain + "/certificat"
	// mistypedNamespace is the same with the label.
	mistypedNamespace = "mistyped"
)

var (
	config *rest.Config
	// admin may do everything; what is refused to it is refused by a policy.
	admin client.Client
)

func TestMain(m *testing.M) {
	os.Exit(runWithCluster(m))
}

// runWithCluster starts an API server and installs install.yaml in it. Without
// KUBEBUILDER_ASSETS the tests that need one fail and say so.
func runWithCluster(m *testing.M) int {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		return m.Run()
	}
	environment := clustertest.Environment(assets)
	logs, err := os.MkdirTemp("", "keda-trust-audit-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a directory for the audit log:", err)
		return 1
	}
	defer os.RemoveAll(logs)
	if err := audited(environment, logs); err != nil {
		fmt.Fprintln(os.Stderr, "configuring the audit log:", err)
		return 1
	}
	if config, err = environment.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	code := 1
	if err := install(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "installing install.yaml:", err)
	} else {
		code = m.Run()
	}
	if err := environment.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		return 1
	}
	return code
}

func install(ctx context.Context) error {
	config.QPS = -1
	var err error
	if admin, err = client.New(config, client.Options{}); err != nil {
		return err
	}
	first := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: injector.DefaultKEDANamespace}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: legacyNamespace, Annotations: map[string]string{legacyKey: "keda"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: mistypedNamespace, Labels: map[string]string{injector.LabelInject: "on"}}},
	}
	rest, err := objects()
	if err != nil {
		return err
	}
	for _, object := range append(first, rest...) {
		if err := admin.Create(ctx, object); err != nil {
			return fmt.Errorf("creating %T %s: %w", object, client.ObjectKeyFromObject(object), err)
		}
	}
	return waitForPolicies(ctx)
}

// waitForPolicies returns when the API server applies both policies, which it
// reads a moment after they were created.
func waitForPolicies(ctx context.Context) error {
	refused := func(c client.Client, object client.Object) wait.ConditionWithContextFunc {
		return func(ctx context.Context) (bool, error) {
			err := c.Create(ctx, object, client.DryRunAll)
			return apierrors.IsInvalid(err), client.IgnoreAlreadyExists(ignoreInvalid(err))
		}
	}
	typo := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "typo", Annotations: map[string]string{legacyKey: ""}}}
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, refused(admin, typo)); err != nil {
		return fmt.Errorf("waiting for the policy on Namespaces: %w", err)
	}
	own, err := asKedaTrust()
	if err != nil {
		return err
	}
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "foreign", Namespace: injector.DefaultKEDANamespace}}
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, refused(own, foreign)); err != nil {
		return fmt.Errorf("waiting for the policy on keda-trust's writes: %w", err)
	}
	return nil
}

func ignoreInvalid(err error) error {
	if apierrors.IsInvalid(err) {
		return nil
	}
	return err
}

// asKedaTrust is a client with the rights of keda-trust's ServiceAccount.
func asKedaTrust() (client.Client, error) {
	return client.New(kedaTrustConfig(), client.Options{})
}

func kedaTrustConfig() *rest.Config {
	own := rest.CopyConfig(config)
	own.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + injector.Name + ":" + injector.Name,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + injector.Name, "system:authenticated"},
	}
	return own
}

func needCluster(t *testing.T) {
	t.Helper()
	if admin == nil {
		t.Fatal(clustertest.MissingAssets)
	}
}
