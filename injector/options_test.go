package injector

import (
	"strings"
	"testing"
)

// optionsOf reads what the Namespace says.
func optionsOf(annotations map[string]string) (Options, []Finding) {
	return Installation{}.Options(Layer{Object: "Namespace keda", Annotations: annotations})
}

func TestOptionsAcceptsWhatTheDocumentationShows(t *testing.T) {
	t.Parallel()
	options, findings := optionsOf(map[string]string{
		AnnotationCertificate:   "secret/acme-keda-tls",
		AnnotationCertificateCA: "configmap/corp-root/root.pem",
		AnnotationCertDir:       "/etc/keda/tls",
		AnnotationCustomCA:      "secret/a, configmap/b/bundle.pem\n\tcertificate/c,\nclustertrustbundle/example.com:issuer:bundle,",
		AnnotationCustomCADir:   "/custom/ca/",
		AnnotationRollout:       "manual",
		AnnotationRotation:      " staged ",
		"example.com/other":     "is not ours",
	})
	if len(findings) != 0 {
		t.Fatalf("findings: %v", findings)
	}
	if got := options.Certificate.String(); got != "secret/acme-keda-tls" {
		t.Errorf("certificate: %s", got)
	}
	if got := len(options.CustomCA); got != 4 {
		t.Errorf("custom CAs: got %d, want 4: %v", got, options.CustomCA)
	}
	if options.CustomCADir != "/custom/ca" || options.CertDir != "/etc/keda/tls" {
		t.Errorf("directories: %q %q", options.CustomCADir, options.CertDir)
	}
	if !options.ManualRollout || options.ImmediateRotation || options.KEDAIssues {
		t.Errorf("options: %+v", options)
	}
}

func TestOptionsRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ key, value, want string }{
		"an unknown annotation":                    {Domain + "/certifcate", "keda", "is not known: known are"},
		"the label written as an annotation":       {LabelInject, "enabled", "is a label, not an annotation"},
		"a certificate without a kind":             {AnnotationCertificate, "my-tls", "has no kind"},
		"a certificate of an unknown kind":         {AnnotationCertificate, "vault/my-tls", `"vault/my-tls" is not a certificate; allowed are keda`},
		"a certificate that is a ConfigMap":        {AnnotationCertificate, "configmap/my-tls", "is not a certificate"},
		"a certificate with a key":                 {AnnotationCertificate, "secret/my-tls/tls.crt", "is not a certificate"},
		"a source of an unknown kind":              {AnnotationCustomCA, "vault/ca", "has the kind \"vault\""},
		"a source without a name":                  {AnnotationCustomCA, "secret/", "the name \"\" is not the name of a Secret"},
		"dots in place of a name":                  {AnnotationCustomCA, "secret/../ca", "the name \"..\" is not the name of a Secret"},
		"a source in another namespace":            {AnnotationCustomCA, "secret/other/name/key", "sources are in KEDA's own namespace"},
		"a key that is a path":                     {AnnotationCustomCA, "secret/name/..", "has the key \"..\""},
		"a key for a kind that has none":           {AnnotationCustomCA, "clustertrustbundle/x/ca.crt", "which a clustertrustbundle does not take"},
		"a relative directory":                     {AnnotationCertDir, "certs", "is not an absolute path"},
		"a directory with dots":                    {AnnotationCertDir, "/certs/../etc", "is not a clean path"},
		"the root directory":                       {AnnotationCertDir, "/", "is not a clean path"},
		"a system directory":                       {AnnotationCertDir, "/etc", "is a system directory"},
		"the directory of the system's trust":      {AnnotationCustomCADir, "/etc/ssl/certs", "is a system directory: want one of its own, such as /custom/ca"},
		"the directory of the service account":     {AnnotationCertDir, "/var/run/secrets/kubernetes.io", "is a system directory"},
		"the file that KEDA is":                    {AnnotationCertDir, "/keda", "is on or below a program of KEDA's image"},
		"a directory below a file":                 {AnnotationCustomCADir, "/keda-adapter/ca", "is on or below a program of KEDA's image"},
		"a directory that would expand a variable": {AnnotationCertDir, "/certs/$(X)", "has a character"},
		"a rollout that is neither":                {AnnotationRollout, "never", "is not one of automatic, manual"},
		"a rotation that is neither":               {AnnotationRotation, "now", "is not one of staged, immediate"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := optionsOf(map[string]string{c.key: c.value})
			if len(findings) != 1 {
				t.Fatalf("got %d findings, want 1: %v", len(findings), findings)
			}
			text := findings[0].String()
			for _, want := range []string{c.want, "Namespace keda", c.key, string(ReasonOptionInvalid)} {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
		})
	}
}

func TestOptionsReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, findings := optionsOf(map[string]string{
		AnnotationCertificate: "x", AnnotationCertDir: "y", AnnotationCustomCA: "a,b", AnnotationRollout: "z",
	})
	if got := len(Faults(findings)); got != 5 {
		t.Fatalf("got %d faults, want 5: %v", got, findings)
	}
}

func TestOptionsRefusesCombinations(t *testing.T) {
	t.Parallel()
	cases := map[string]map[string]string{
		"lie in one another":              {AnnotationCertDir: "/certs", AnnotationCustomCADir: "/certs/ca"},
		"has no meaning where":            {AnnotationCertificate: "keda", AnnotationCertificateCA: "secret/ca"},
		`names "secret/a" more than once`: {AnnotationCustomCA: "secret/a, secret/a"},
	}
	for want, annotations := range cases {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, findings := optionsOf(annotations)
			if len(findings) != 1 || !strings.Contains(findings[0].Message, want) {
				t.Fatalf("findings %v do not say %q", findings, want)
			}
		})
	}
}

// Forgotten after an emergency, it would make the next renewal an outage.
func TestOptionsTellThatRotationsAreImmediateForAsLongAsTheyAre(t *testing.T) {
	t.Parallel()
	options, findings := optionsOf(map[string]string{AnnotationRotation: "immediate"})
	if !options.ImmediateRotation || len(findings) != 1 || !findings[0].Warning {
		t.Fatalf("options %+v with the findings %v, want one warning", options, findings)
	}
	wantTold(t, findings, ReasonRotationUnstaged, "Namespace keda annotations["+AnnotationRotation+"]", "remove it when the emergency is over")
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]Mode{"enabled": ModeEnabled, "audit": ModeAudit, "disabled": ModeDisabled} {
		if mode, findings := ParseMode("keda", map[string]string{LabelInject: value}); mode != want || findings != nil {
			t.Errorf("%s: got %q, %v", value, mode, findings)
		}
	}
	if mode, findings := ParseMode("keda", nil); mode != ModeUnmanaged || findings != nil {
		t.Errorf("no label: got %q, %v", mode, findings)
	}
	mode, findings := ParseMode("keda", map[string]string{LabelInject: "true"})
	if mode != ModeUnmanaged || len(findings) != 1 || !strings.Contains(findings[0].Message, `"true" is not one of enabled, audit, disabled`) {
		t.Errorf("a wrong value: got %q, %v", mode, findings)
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("secret/a", "secret/a,configmap/b/c\n", "/certs")
	f.Add("certificate/a", "clustertrustbundle/x:y", "/custom/ca")
	f.Fuzz(func(t *testing.T, certificate, list, dir string) {
		annotations := map[string]string{AnnotationCertificate: certificate, AnnotationCustomCA: list, AnnotationCertDir: dir}
		options, findings := optionsOf(annotations)
		for _, source := range options.CustomCA {
			again, err := ParseSource(source.String())
			if err != nil || again != source {
				t.Fatalf("%v does not come back from its own text: %v, %v", source, again, err)
			}
		}
		if strings.Contains(options.CertDir, "..") && strings.Contains(options.CertDir, "/../") {
			t.Fatalf("directory %q", options.CertDir)
		}
		for _, finding := range findings {
			if finding.Message == "" || finding.Reason.Sentence() == "" {
				t.Fatalf("a finding that says nothing: %+v", finding)
			}
		}
	})
}
