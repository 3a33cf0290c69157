package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/check"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// cluster is a real API server with a KEDA in Namespace keda, but for its pods.
type cluster struct {
	environment *envtest.Environment
	client      client.Client
	kubeconfig  string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	environment := clustertest.Start(t)
	admin, err := client.New(environment.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{environment, admin, kubeconfigOf(t, environment.KubeConfig)}
	ca, roots := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Corp")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	create(t, admin, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "keda"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "keda-tls"},
			Data: map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "other-names"},
			Data: map[string][]byte{"tls.crt": ca.Leaf(t, []string{"x.example"}).CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "corp"}, Data: map[string]string{"ca.crt": string(roots.CertPEM)}})
	for _, object := range kedaObjects(t) {
		create(t, admin, object)
	}
	return c
}

func kubeconfigOf(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withoutSecrets is the cluster as somebody sees it who may read all that a look
// takes, but for Secrets.
func (c cluster) withoutSecrets(t *testing.T) cluster {
	t.Helper()
	const name = "without-secrets"
	create(t, c.client,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{
			Verbs: []string{"get", "list"}, APIGroups: []string{"", "apps", "apiregistration.k8s.io", "admissionregistration.k8s.io"},
			Resources: []string{"namespaces", "configmaps", "deployments", "apiservices", "validatingwebhookconfigurations"},
		}}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		})
	user, err := c.environment.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	c.kubeconfig = kubeconfigOf(t, config)
	return c
}

// kedaObjects are those of the fixture of the webhook's tests.
func kedaObjects(t *testing.T) []client.Object {
	t.Helper()
	raw, err := os.ReadFile("../../webhook/testdata/keda.yaml")
	if err != nil {
		t.Fatal(err)
	}
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	var out []client.Object
	for {
		object := &unstructured.Unstructured{}
		if err := reader.Decode(&object.Object); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, object)
	}
}

// run is the command as a user starts it.
func (c cluster) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	command := exec.CommandContext(t.Context(), "keda-trust", append(args, "--kubeconfig="+c.kubeconfig)...)
	command.Stdout, command.Stderr = &out, &complaints
	var ended *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), command.ProcessState.ExitCode()
}

// versions are the resourceVersions of all that a look could have changed.
func (c cluster) versions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	kinds := map[string]string{"SecretList": "v1", "ConfigMapList": "v1", "NamespaceList": "v1", "DeploymentList": "apps/v1"}
	for kind, version := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(version)
		list.SetKind(kind)
		if err := c.client.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			if object.GetNamespace() == "keda" || kind == "NamespaceList" {
				out[object.GetKind()+" "+object.GetName()] = object.GetResourceVersion()
			}
		}
	}
	return out
}

func TestLookingAtACluster(t *testing.T) {
	c := newCluster(t)
	blind := c.withoutSecrets(t)
	before := c.versions(t)
	t.Run("diff", func(t *testing.T) { diffShowsWhatEnablingDoes(t, c) })
	t.Run("diff of what is refused", func(t *testing.T) { diffTellsWhatIsRefused(t, c) })
	t.Run("diff of what one may not read", func(t *testing.T) { diffTellsWhatOneMayNotRead(t, blind) })
	t.Run("diff where there is no KEDA", func(t *testing.T) { nothingToLookAt(t, c, "diff") })
	t.Run("check where there is no KEDA", func(t *testing.T) { nothingToLookAt(t, c, "check") })
	t.Run("check where there is no such Namespace", func(t *testing.T) { noSuchNamespace(t, c) })
	t.Run("check", func(t *testing.T) { checkTellsWhatIsBroken(t, c) })
	t.Run("diff where keda-trust has no rights", func(t *testing.T) { diffTellsWhereNothingIsGranted(t, c) })
	after := c.versions(t)
	for object, version := range before {
		if after[object] != version {
			t.Errorf("%s was changed by a look", object)
		}
	}
	if len(after) != len(before) {
		t.Errorf("a look left something behind: %v", after)
	}
	t.Run("check of what is refused", func(t *testing.T) { checkTellsWhatIsRefused(t, c, blind) })
}

func diffShowsWhatEnablingDoes(t *testing.T, c cluster) {
	out, complaints, code := c.run(t, "diff", "--certificate=secret/keda-tls", "--custom-ca=configmap/corp")
	if code != exitDone || complaints != "" {
		t.Fatalf("exit %d, said %q, want 0 and nothing", code, complaints)
	}
	wantInOrder(t, out,
		"--- APIService v1beta1.external.metrics.k8s.io (as it is)\n", "-  insecureSkipTLSVerify: true\n",
		"--- ValidatingWebhookConfiguration keda-admission (as it is)\n", "+    caBundle: ",
		"--- Deployment keda/keda-admission-webhooks (as it is)\n",
		"--- Deployment keda/keda-metrics-apiserver (as it is)\n+++ Deployment keda/keda-metrics-apiserver (enabled)\n",
		"+        - --tls-min-version=VersionTLS13\n",
		"--- Deployment keda/keda-operator (as it is)\n",
		"-        - --enable-cert-rotation=true\n", "+        - --enable-cert-rotation=false\n",
		"State: ", ", which is to be published in Namespace keda: the certificate \"CN=keda-operator.keda.svc\"", "1 custom CA in ConfigMap keda-trust-ca-",
		"Changes: 5 of 5 objects\n",
		"Restarts: one after the other, each when the one before is available\n",
		"  1. Deployment keda/keda-admission-webhooks (admission-webhooks)\n  2. Deployment keda/keda-metrics-apiserver (metrics-apiserver)\n  3. Deployment keda/keda-operator (operator)\n",
		"Proof: holds\n")
	for _, leaked := range []string{"PRIVATE", "\x1b["} {
		if strings.Contains(out, leaked) {
			t.Errorf("the output has %q", leaked)
		}
	}
}

func diffTellsWhatIsRefused(t *testing.T, c cluster) {
	out, complaints, code := c.run(t, "diff", "--certificate=secret/other-names", "--custom-ca=configmap/absent")
	if code != exitRefused || complaints != "" {
		t.Fatalf("exit %d, said %q, want 1 and nothing", code, complaints)
	}
	wantInOrder(t, out, "State: none, so nothing changes\n", "Restarts: none\n", "Proof: refused, for 2 faults\n",
		"  fault: KeyMismatch: Secret keda/other-names data[tls.key]: ", "  fault: SourceMissing: ConfigMap keda/absent: ")
}

// diffTellsWhatOneMayNotRead: no value of the chart gives somebody else a right.
func diffTellsWhatOneMayNotRead(t *testing.T, c cluster) {
	out, complaints, code := c.run(t, "diff", "--certificate=secret/keda-tls")
	if code != exitUsage || !strings.Contains(complaints, "reading Secret keda/keda-tls: your account may not") {
		t.Fatalf("exit %d, said %q, want 2 and which Secret", code, complaints)
	}
	wantInOrder(t, out, "Proof: not known, for your account may not read all of it\n", "  fault: SourceForbidden: Secret keda/keda-tls: reading it: forbidden to your account; ask for the right")
	if strings.Contains(out, "sourceSecrets") {
		t.Errorf("it advises a value of the chart:\n%s", out)
	}
}

func diffTellsWhereNothingIsGranted(t *testing.T, c cluster) {
	create(t, c.client, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: injector.WebhookConfigurationName}})
	out, complaints, code := c.run(t, "diff", "--certificate=secret/keda-tls")
	if code != exitRefused || !strings.Contains(complaints, "NamespaceNotGranted: Namespace keda labels[keda-trust.io/inject]: keda-trust has no rights") {
		t.Errorf("exit %d, said %q, want 1 and that nothing is granted", code, complaints)
	}
	wantInOrder(t, out, "Restarts: ", "Proof: holds\n")
	create(t, c.client, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: injector.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: injector.Name},
	})
	if _, complaints, code = c.run(t, "diff", "--certificate=secret/keda-tls"); code != exitDone || complaints != "" {
		t.Errorf("granted: exit %d, said %q, want 0 and nothing", code, complaints)
	}
}

func nothingToLookAt(t *testing.T, c cluster, command string) {
	out, complaints, code := c.run(t, command, "-n", "default")
	if code != exitUsage || out != "" || !strings.Contains(complaints, "looking for KEDA in Namespace default: there is none") {
		t.Errorf("exit %d, wrote %q, said %q, want 2 and that there is no KEDA", code, out, complaints)
	}
}

func noSuchNamespace(t *testing.T, c cluster) {
	out, complaints, code := c.run(t, "check", "-n", "nope")
	if code != exitUsage || out != "" || !strings.Contains(complaints, "Namespace nope does not exist") {
		t.Errorf("exit %d, wrote %q, said %q, want 2 and that there is no such Namespace", code, out, complaints)
	}
}

// checkTellsWhatIsBroken: nobody serves, and the API server verifies nobody.
func checkTellsWhatIsBroken(t *testing.T, c cluster) {
	out, complaints, code := c.run(t, "check")
	if code != exitRefused || complaints != "" {
		t.Fatalf("exit %d, said %q, want 1 and nothing", code, complaints)
	}
	wantInOrder(t, out, "- Namespace keda: not managed by keda-trust\n", "✗ API server to metrics-apiserver: broken\n", "    ✗ NotVerified: APIService ", "      to mend it: ",
		"    ✗ NoEndpoints: Service keda/keda-metrics-apiserver: ", "kubectl get pods -n keda,",
		"✗ API server to admission-webhooks: broken\n",
		"✗ metrics-apiserver to operator, mutual: broken\n", "    ✗ SourceMissing: Secret keda/kedaorg-certs",
		"✓ operator to custom CAs: holds\n", "    no custom CAs are mounted at /custom/ca",
		"- API server to keda-trust: not installed\n")
	answer, _, code := c.run(t, "check", "-o", "json")
	if code != exitRefused {
		t.Fatalf("exit %d, want 1", code)
	}
	var report check.Answer
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	var verdicts []check.Verdict
	for _, edge := range report.Edges {
		verdicts = append(verdicts, edge.Verdict)
	}
	if want := []check.Verdict{check.Broken, check.Broken, check.Broken, check.Holds, check.NotInstalled}; !slices.Equal(verdicts, want) {
		t.Errorf("verdicts %v, want %v", verdicts, want)
	}
}

// checkTellsWhatIsRefused: an annotation that names what is not there.
func checkTellsWhatIsRefused(t *testing.T, c, blind cluster) {
	c.ask(t, "enabled", map[string]string{injector.AnnotationCustomCA: "configmap/absent"})
	out, complaints, code := c.run(t, "check")
	if code != exitRefused || complaints != "" {
		t.Fatalf("exit %d, said %q, want 1, for the edges that are broken, and nothing", code, complaints)
	}
	wantInOrder(t, out, "! Namespace keda: what it asks keda-trust for is refused\n", "    ! SourceMissing: ConfigMap keda/absent: ",
		"    nothing new is published until that is mended; nothing is published yet, and what runs stays as it is\n",
		"✗ API server to metrics-apiserver: broken\n")
	c.ask(t, "enabled", map[string]string{injector.AnnotationCertificate: "secret/other-names"})
	out, _, _ = blind.run(t, "check")
	wantInOrder(t, out, "? Namespace keda: what it asks keda-trust for is not known\n", "    ? SourceForbidden: Secret keda/other-names: ", "✗ API server to metrics-apiserver: broken\n")
	if strings.Contains(out, "refused") {
		t.Errorf("what nobody knows is refused:\n%s", out)
	}
}

// ask has the Namespace ask for something.
func (c cluster) ask(t *testing.T, mode string, annotations map[string]string) {
	t.Helper()
	ns := &corev1.Namespace{}
	if err := c.client.Get(t.Context(), client.ObjectKey{Name: "keda"}, ns); err != nil {
		t.Fatal(err)
	}
	ns.Labels[injector.LabelInject], ns.Annotations = mode, annotations
	if err := c.client.Update(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
}

// wantInOrder holds that text has all parts, one after the other.
func wantInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("want %q after what is before it, got:\n%s", part, text)
		}
		rest = after
	}
}
