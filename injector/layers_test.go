package injector

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func operatorAnnotated(pairs ...string) Installation {
	d := operatorWith("--enable-cert-rotation=true")
	d.Annotations = pairsOf(pairs)
	i, _ := NewInstallation("keda", []*appsv1.Deployment{d}, nil, nil)
	return i
}

func namespaceAnnotated(pairs ...string) Layer {
	return Layer{Object: "Namespace keda", Annotations: pairsOf(pairs)}
}

func TestTheOperatorsAnnotationsWinKeyByKey(t *testing.T) {
	t.Parallel()
	i := operatorAnnotated(AnnotationCertificate, "secret/c", AnnotationInjected, "{}", "example.com/x", "y")
	flags := Layer{Object: "command line", Flags: true, Annotations: pairsOf([]string{AnnotationCustomCA, "secret/a", AnnotationCertDir, "/tls"})}
	options, findings := i.Options(flags, namespaceAnnotated(AnnotationCertificate, "secret/a", AnnotationCustomCA, "secret/b"))
	if len(findings) != 0 || options.Certificate.Name != "c" || options.CustomCA[0].Name != "b" || options.CertDir != "/tls" {
		t.Fatalf("options %+v, findings %v", options, findings)
	}
}

func TestALowerLayerIsNotReadWhereAHigherOneSpeaks(t *testing.T) {
	t.Parallel()
	_, findings := operatorAnnotated(AnnotationCertDir, "/tls").Options(namespaceAnnotated(AnnotationCertDir, "tls"))
	if len(findings) != 0 {
		t.Errorf("findings %v about a value that does not count", findings)
	}
}

func TestAFindingNamesTheObjectThatItsOptionStandsOn(t *testing.T) {
	t.Parallel()
	const onOperator, onNamespace = "Deployment keda/keda-operator", "Namespace keda"
	flags := Layer{Object: "command line", Flags: true, Annotations: map[string]string{AnnotationCertDir: "tls"}}
	cases := map[string]struct {
		installation  Installation
		layer         Layer
		object, field string
	}{
		"a value on the operator":        {operatorAnnotated(AnnotationCertDir, "tls"), namespaceAnnotated(), onOperator, "annotations[" + AnnotationCertDir + "]"},
		"a value on the Namespace":       {operatorAnnotated(), namespaceAnnotated(AnnotationCertDir, "tls"), onNamespace, "annotations[" + AnnotationCertDir + "]"},
		"a flag":                         {operatorAnnotated(), flags, "command line", "--cert-dir"},
		"an unknown key on the operator": {operatorAnnotated(Domain+"/certifcate", "keda"), namespaceAnnotated(), onOperator, "annotations[" + Domain + "/certifcate]"},
		"a Deployment's on a Namespace":  {operatorAnnotated(), namespaceAnnotated(AnnotationVersion, "2.14"), onNamespace, "annotations[" + AnnotationVersion + "]"},
		"a source named twice":           {operatorAnnotated(AnnotationCustomCA, "secret/a,secret/a"), namespaceAnnotated(), onOperator, "annotations[" + AnnotationCustomCA + "]"},
		"two options, the later at fault": {
			operatorAnnotated(AnnotationCustomCADir, "/tls/ca"), namespaceAnnotated(AnnotationCertDir, "/tls"), onOperator, "annotations[" + AnnotationCustomCADir + "]",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := c.installation.Options(c.layer)
			if len(findings) != 1 || findings[0].Object != c.object || findings[0].Field != c.field {
				t.Errorf("findings %v, want one about %s %s", findings, c.object, c.field)
			}
		})
	}
}

func TestWhatResolvesWronglyNamesTheObjectThatItsOptionStandsOn(t *testing.T) {
	t.Parallel()
	ca, other := certtest.NewCA(t, "Ours"), certtest.NewCA(t, "Other")
	contents := Contents{
		mine:                                {Data: tlsData(ca.Leaf(t, certtest.KEDANames("keda")), ca.CertPEM)},
		{Kind: SourceSecret, Name: "one"}:   {Data: map[string][]byte{"ca.crt": other.CertPEM}},
		{Kind: SourceSecret, Name: "other"}: {Data: map[string][]byte{"ca.crt": other.CertPEM}},
	}
	cases := map[string]struct{ key, value string }{
		"a source of keda-trust's own":           {AnnotationCustomCA, "secret/" + PublishedSecret},
		"the Secret that KEDA writes":            {AnnotationCertificate, "secret/" + KEDACertSecret},
		"a directory around the certificate's":   {AnnotationCustomCADir, "/certs/ca"},
		"a certificate directory in the default": {AnnotationCertDir, "/custom/ca/tls"},
		"CAs that do not verify the certificate": {AnnotationCertificateCA, "secret/one,secret/other"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := operatorAnnotated(c.key, c.value)
			options, findings := i.Options(namespaceAnnotated(AnnotationCertificate, "secret/my-tls", AnnotationCustomCA, "secret/one"))
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			faults := Faults(Resolve(ResolveInput{Options: options, Installation: i, Contents: contents, Now: certtest.Now}).Findings)
			onOperator := func(f Finding) bool {
				return f.Object == "Deployment keda/keda-operator" && f.Field == "annotations["+c.key+"]"
			}
			if !slices.ContainsFunc(faults, onOperator) {
				t.Errorf("faults %v, want one about %s of the operator's Deployment", faults, c.key)
			}
		})
	}
}
