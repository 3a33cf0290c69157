package injector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestResolveSaysWhatToDoAboutASourceByItsKind(t *testing.T) {
	t.Parallel()
	forbiddenSecret := Content{SecretName: "corp-tls", Err: fmt.Errorf("its Secret %q: %w", "corp-tls", ErrForbidden)}
	missingSecret := Content{SecretName: "corp-tls", Err: fmt.Errorf("its Secret %q: %w; see whether cert-manager has issued it", "corp-tls", ErrNotFound)}
	cases := map[string]struct {
		kind    SourceKind
		content Content
		reason  Reason
		want    string // the end of the message
	}{
		"a forbidden Secret":                  {SourceSecret, Content{Err: ErrForbidden}, ReasonSourceForbidden, "forbidden; add its name to the chart value sourceSecrets"},
		"a forbidden ConfigMap":               {SourceConfigMap, Content{Err: ErrForbidden}, ReasonSourceForbidden, "the Role keda-trust of this namespace and its binding; install the chart again to put them back"},
		"a forbidden Certificate":             {SourceCertificate, Content{Err: ErrForbidden}, ReasonSourceForbidden, "the Role keda-trust of this namespace and its binding; install the chart again to put them back"},
		"a forbidden Secret of a Certificate": {SourceCertificate, forbiddenSecret, ReasonSourceForbidden, `"corp-tls": forbidden; add the name of that Secret to the chart value sourceSecrets`},
		"a Secret forbidden to who looks":     {SourceSecret, Content{Err: ErrForbiddenToUser}, ReasonSourceForbidden, "forbidden to your account; ask for the right to read it, or look with an account that has it; keda-trust has rights of its own, which this says nothing of"},
		"a forbidden ClusterTrustBundle":      {SourceClusterTrustBundle, Content{Err: ErrForbidden}, ReasonSourceForbidden, "the ClusterRole keda-trust and its binding; install the chart again to put them back"},
		"a missing ConfigMap":                 {SourceConfigMap, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it in this namespace, or correct the annotation"},
		"a missing Certificate":               {SourceCertificate, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it in this namespace, or correct the annotation"},
		"a missing Secret of a Certificate":   {SourceCertificate, missingSecret, ReasonSourceMissing, "see whether cert-manager has issued it"},
		"a Certificate without cert-manager": {SourceCertificate, Content{Err: ErrNotServed}, ReasonSourceMissing,
			"not served by this cluster; this kind is cert-manager's, which is not installed or no longer; install it, or name a secret or configmap that holds the same"},
		"a ClusterTrustBundle of an older cluster": {SourceClusterTrustBundle, Content{Err: ErrNotServed}, ReasonSourceMissing,
			"feature gate ClusterTrustBundle and with that version of certificates.k8s.io in --runtime-config; have it served, or name a secret or configmap that holds the same"},
		"a missing ClusterTrustBundle": {SourceClusterTrustBundle, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it, or correct the annotation"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := custom(t, Source{Kind: c.kind, Name: "corp"}, c.content)
			wantRefused(t, r, c.reason)
			if got := r.Findings[0].Message; !strings.HasSuffix(got, c.want) {
				t.Errorf("says %q, want it to end in %q", got, c.want)
			}
		})
	}
}

func TestTheSecretThatKEDAWritesIsTheOneItWasTold(t *testing.T) {
	t.Parallel()
	const on, named = "--enable-cert-rotation=true", "--cert-secret-name=acme-certs"
	cases := map[string]struct {
		options      Options
		installation Installation
		want         string
	}{
		"as installed, named":             {Options{}, mustInstall(t, operatorWith(on, named)), "acme-certs"},
		"as installed, not named":         {Options{}, mustInstall(t, operatorWith(on)), KEDACertSecret},
		"asked for, named":                {Options{KEDAIssues: true}, mustInstall(t, operatorWith(named)), "acme-certs"},
		"asked for, named by a variable":  {Options{KEDAIssues: true}, mustInstall(t, operatorWith("--cert-secret-name=$(NAME)")), KEDACertSecret},
		"asked for, operator not visible": {Options{KEDAIssues: true}, mustInstall(t), KEDACertSecret},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := wantState(t, Resolve(ResolveInput{Options: c.options, Installation: c.installation, Contents: Contents{}, Now: certtest.Now}))
			if !state.KEDAIssues || state.CertificateSecret != c.want {
				t.Errorf("mounts %q, issued by KEDA: %t, want %q, true", state.CertificateSecret, state.KEDAIssues, c.want)
			}
		})
	}
}

// What is wrong with KEDA's own Secret stops nothing and is told.
func TestResolveWarnsOfKEDAsOwnSecret(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		content Content
		reason  Reason
		texts   []string
	}{
		"it may not be read":    {Content{Err: ErrForbidden}, ReasonSourceForbidden, []string{"Secret keda/" + KEDACertSecret, "sourceSecrets"}},
		"its CA cannot be read": {Content{Data: map[string][]byte{"ca.crt": []byte("x")}}, ReasonCAInvalid, []string{"Secret keda/" + KEDACertSecret + " data[ca.crt]", "issues anew"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Resolve(ResolveInput{
				Installation: mustInstall(t, operatorWith("--enable-cert-rotation=true")),
				Contents:     Contents{{Kind: SourceSecret, Name: KEDACertSecret}: c.content},
				Now:          certtest.Now,
			})
			wantState(t, r)
			wantTold(t, r.Findings, c.reason, c.texts...)
		})
	}
}
