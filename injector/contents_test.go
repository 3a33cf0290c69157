package injector

import (
	"fmt"
	"strings"
	"testing"
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
		"a forbidden ClusterTrustBundle":      {SourceClusterTrustBundle, Content{Err: ErrForbidden}, ReasonSourceForbidden, "the ClusterRole keda-trust and its binding; install the chart again to put them back"},
		"a missing ConfigMap":                 {SourceConfigMap, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it in this namespace, or correct the annotation"},
		"a missing Certificate":               {SourceCertificate, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it in this namespace, or correct the annotation"},
		"a missing Secret of a Certificate":   {SourceCertificate, missingSecret, ReasonSourceMissing, "see whether cert-manager has issued it"},
		"a missing ClusterTrustBundle":        {SourceClusterTrustBundle, Content{Err: ErrNotFound}, ReasonSourceMissing, "not found; create it, or correct the annotation"},
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
