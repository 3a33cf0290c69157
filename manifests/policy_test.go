package manifests_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

func TestNamespacesThatAreWrittenRightAreAdmitted(t *testing.T) {
	needCluster(t)
	for name, annotations := range map[string]map[string]string{
		"KEDA as issuer":              {injector.AnnotationCertificate: "keda"},
		"a Secret":                    {injector.AnnotationCertificate: "secret/keda.tls-2026"},
		"a Certificate, with blanks":  {injector.AnnotationCertificate: " certificate/keda \n"},
		"one CA":                      {injector.AnnotationCertificateCA: "configmap/corp/root.pem"},
		"a list with commas":          {injector.AnnotationCustomCA: "secret/a, configmap/b/.hidden_key,certificate/c,"},
		"a list with newlines":        {injector.AnnotationCustomCA: "\r\n  secret/a/ca.crt\r\n  configmap/b\n"},
		"a bundle of a signer":        {injector.AnnotationCustomCA: "clustertrustbundle/example.com:corp:roots"},
		"a bundle of nobody's":        {injector.AnnotationCustomCA: "clustertrustbundle/roots"},
		"no CA at all":                {injector.AnnotationCustomCA: ""},
		"a CA twice":                  {injector.AnnotationCustomCA: "secret/a,secret/a"},
		"directories":                 {injector.AnnotationCertDir: "/etc/keda certs/..tls", injector.AnnotationCustomCADir: "/custom/ca/"},
		"rollouts by hand":            {injector.AnnotationRollout: "manual"},
		"rollouts that are automatic": {injector.AnnotationRollout: "automatic"},
		"rotations in stages":         {injector.AnnotationRotation: "staged"},
		"rotations at once":           {injector.AnnotationRotation: "immediate"},
		"a long list":                 {injector.AnnotationCustomCA: strings.Repeat("configmap/corporate-roots-of-trust/ca.crt,\n", 2000)},
		"keys of somebody else's":     {"keda.trust.io/certificat": "?", "example.com/keda-trust.io": "?"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := createNamespace(t, nil, annotations); err != nil {
				t.Error(err)
			}
			if faults := faultsOf(annotations); len(faults) > 0 {
				t.Errorf("the policy admits what the injector finds fault with: %v", faults)
			}
		})
	}
	for _, mode := range []injector.Mode{injector.ModeEnabled, injector.ModeAudit, injector.ModeDisabled} {
		if err := createNamespace(t, map[string]string{injector.LabelInject: string(mode)}, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestTyposOnNamespacesAreRefusedWhereTheyAreWritten(t *testing.T) {
	needCluster(t)
	for name, c := range map[string]struct{ key, value, want string }{
		"an unknown key":               {injector.Domain + "/certificat", "keda", "keda-trust.io/certificat: keda-trust knows no such annotation"},
		"a Deployment's key":           {injector.AnnotationComponent, "operator", "keda-trust.io/component: keda-trust knows no such annotation"},
		"the label as annotation":      {injector.LabelInject, "enabled", "it is a label"},
		"a certificate without kind":   {injector.AnnotationCertificate, "keda-tls", `"keda-tls" is not a certificate; allowed are keda, secret/NAME and certificate/NAME`},
		"a certificate with a key":     {injector.AnnotationCertificate, "secret/tls/tls.crt", "is not a certificate"},
		"a certificate of a ConfigMap": {injector.AnnotationCertificate, "configmap/tls", "is not a certificate"},
		"no certificate":               {injector.AnnotationCertificate, "", `"" is not a certificate`},
		"two certificates":             {injector.AnnotationCertificate, "secret/a\nsecret/b", `"secret/a secret/b" is not a certificate`},
		"a source without kind":        {injector.AnnotationCustomCA, "secret/a, corp-roots", `"corp-roots" is not a CA source; allowed are secret/NAME`},
		"a kind that is none":          {injector.AnnotationCertificateCA, "secrets/a", `certificate-ca: "secrets/a" is not a CA source`},
		"a parent in a name":           {injector.AnnotationCustomCA, "secret/../a", "is not a CA source"},
		"another namespace":            {injector.AnnotationCustomCA, "secret/other/a/ca.crt", "is not a CA source"},
		"a name in capitals":           {injector.AnnotationCustomCA, "configmap/Roots", "is not a CA source"},
		"a key of a Certificate":       {injector.AnnotationCustomCA, "certificate/a/ca.crt", "is not a CA source"},
		"a key that is none":           {injector.AnnotationCustomCA, "configmap/a/..data", "is not a CA source"},
		"a pasted certificate":         {injector.AnnotationCustomCA, "-----BEGIN CERTIFICATE-----\nMIIB\n", `"-----BEGIN CERTIFICATE-----" is not a CA source`},
		"a long word":                  {injector.AnnotationCustomCA, strings.Repeat("x", 100_000), `x…" is not a CA source`},
		"a relative directory":         {injector.AnnotationCertDir, "certs", `cert-dir: "certs" is not a clean absolute path`},
		"a parent directory":           {injector.AnnotationCustomCADir, "/custom/../etc", `custom-ca-dir: "/custom/../etc" is not a clean absolute path`},
		"a dot":                        {injector.AnnotationCertDir, "/certs/.", "is not a clean absolute path"},
		"an empty part":                {injector.AnnotationCertDir, "/certs//tls", "is not a clean absolute path"},
		"the root":                     {injector.AnnotationCertDir, "/", "is not a clean absolute path"},
		"a list of directories":        {injector.AnnotationCertDir, "/a:/b", "is not a clean absolute path"},
		"a variable":                   {injector.AnnotationCertDir, "/$(DIR)", "is not a clean absolute path"},
		"a quote":                      {injector.AnnotationCertDir, "/it's", "is not a clean absolute path"},
		"a backslash":                  {injector.AnnotationCertDir, `/a\b`, "is not a clean absolute path"},
		"a rollout that is none":       {injector.AnnotationRollout, "auto", `"auto" is not a way to roll out; allowed are automatic and manual`},
		"a rotation that is none":      {injector.AnnotationRotation, "now", `"now" is not a way to rotate; allowed are staged and immediate`},
	} {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]string{c.key: c.value}
			wantRefused(t, createNamespace(t, nil, annotations), c.want)
			if len(faultsOf(annotations)) == 0 {
				t.Errorf("the policy refuses what the injector finds no fault with: %v", annotations)
			}
		})
	}
	wantRefused(t, createNamespace(t, map[string]string{injector.LabelInject: "true"}, nil), `"true" is not a mode; allowed are enabled, audit and disabled`)
	wantRefused(t, createNamespace(t, map[string]string{injector.AnnotationRollout: "manual"}, nil), "keda-trust knows no such label")
}

func TestWhatStandsThereAlreadyHoldsUpNobody(t *testing.T) {
	needCluster(t)
	ctx := t.Context()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: legacyNamespace}}
	patch := func(body string) error {
		return admin.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, []byte(body)))
	}
	if err := patch(`{"metadata":{"labels":{"team":"a","` + injector.LabelInject + `":"enabled"}}}`); err != nil {
		t.Errorf("an old typo holds up a write of something else: %v", err)
	}
	wantRefused(t, patch(`{"metadata":{"annotations":{"`+legacyKey+`":"secret/other"}}}`), "knows no such annotation")
	wantRefused(t, patch(`{"metadata":{"labels":{"`+injector.LabelInject+`":"on"}}}`), `"on" is not a mode`)
	if err := admin.Delete(ctx, namespace); err != nil {
		t.Errorf("an old typo holds up the deletion: %v", err)
	}
	if err := admin.Get(ctx, client.ObjectKeyFromObject(namespace), namespace); err != nil {
		t.Fatal(err)
	}
	if namespace.DeletionTimestamp == nil {
		t.Fatal("the Namespace is not being deleted")
	}
	namespace.Spec.Finalizers = nil
	if err := admin.SubResource("finalize").Update(ctx, namespace); err != nil {
		t.Errorf("an old typo holds up the end of the Namespace: %v", err)
	}
}

// faultsOf is what the injector says of the annotations, warnings apart: the
// policy must refuse nothing that it takes.
func faultsOf(annotations map[string]string) []injector.Finding {
	_, findings := injector.Installation{}.Options(injector.Layer{Object: "Namespace keda", Annotations: annotations})
	return slices.DeleteFunc(findings, func(f injector.Finding) bool { return f.Warning })
}

func createNamespace(t *testing.T, labels, annotations map[string]string) error {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "policy-", Labels: labels, Annotations: annotations}}
	return admin.Create(t.Context(), namespace, client.DryRunAll)
}

func wantRefused(t *testing.T, err error, sentence string) {
	t.Helper()
	if !apierrors.IsInvalid(err) {
		t.Errorf("the write is not refused (%v), want: %s", err, sentence)
		return
	}
	if !strings.Contains(err.Error(), sentence) {
		t.Errorf("refused with: %v\nwant: %s", err, sentence)
	}
	if strings.Contains(err.Error(), "failed expression") {
		t.Errorf("refused without a sentence: %v", err)
	}
}
