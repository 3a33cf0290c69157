package injector

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

var (
	hour      = time.Hour
	yesterday = certtest.Between(certtest.Now.Add(-48*hour), certtest.Now.Add(-24*hour))
	tomorrow  = certtest.Between(certtest.Now.Add(24*hour), certtest.Now.Add(48*hour))
)

// proofOf is a proof for pair and the CAs in PEM.
func proofOf(tb testing.TB, pair certtest.Pair, chain, ca []byte) Proof {
	tb.Helper()
	leaf, err := ParseLeaf(join(pair.CertPEM, chain), pair.KeyPEM)
	if err != nil {
		tb.Fatal(err)
	}
	p := Proof{Object: "Secret keda/my-tls", CAObject: "ConfigMap keda/roots", CAField: "data[ca.crt]", Leaf: leaf, Names: certtest.KEDANames("keda"), Now: certtest.Now}
	if ca != nil {
		p.CA = mustParse(tb, ca)
	}
	return p
}

func reasons(findings []Finding) string {
	var out []string
	for _, f := range findings {
		word := string(f.Reason)
		if f.Warning {
			word = "warning " + word
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

func assertFindings(t *testing.T, p Proof, want string, says []string) {
	t.Helper()
	got := Prove(p)
	if reasons(got) != want {
		t.Fatalf("findings are [%s], want [%s]:\n%v", reasons(got), want, got)
	}
	var all strings.Builder
	for _, f := range got {
		if f.Object == "" || f.Field == "" {
			t.Errorf("finding %+v names no object or no field", f)
		}
		all.WriteString(f.String() + "\n")
	}
	for _, s := range says {
		if !strings.Contains(all.String(), s) {
			t.Errorf("findings do not say %q:\n%s", s, &all)
		}
	}
}

func TestProveHolds(t *testing.T) {
	t.Parallel()
	names := certtest.KEDANames("keda")
	root, old := certtest.NewCA(t, "root"), certtest.NewCA(t, "old", yesterday)
	middle := root.Intermediate(t, "middle")
	self := certtest.SelfSigned(t, names)
	selfCA := certtest.SelfSigned(t, names, func(c *x509.Certificate) { c.IsCA = true })
	leaf := root.Leaf(t, names)
	cases := []struct {
		name  string
		proof Proof
		want  string
	}{
		{"a leaf of a root", proofOf(t, leaf, nil, root.CertPEM), ""},
		{"an intermediate in tls.crt", proofOf(t, middle.Leaf(t, names), middle.CertPEM, root.CertPEM), ""},
		{"an intermediate as anchor, without its root", proofOf(t, middle.Leaf(t, names), nil, middle.CertPEM), ""},
		{"an intermediate beside the root in the CA source", proofOf(t, middle.Leaf(t, names), nil, join(root.CertPEM, middle.CertPEM)), ""},
		{"the root repeated in tls.crt", proofOf(t, leaf, root.CertPEM, root.CertPEM), ""},
		{"an old and expired CA beside the one that is needed", proofOf(t, leaf, nil, join(old.CertPEM, root.CertPEM)), ""},
		{"wildcards", proofOf(t, root.Leaf(t, []string{"*.keda.svc", "*.keda.svc.cluster.local"}), nil, root.CertPEM), ""},
		{"no extended key usage", proofOf(t, root.Leaf(t, names, certtest.For()), nil, root.CertPEM), ""},
		{"any extended key usage", proofOf(t, root.Leaf(t, names, certtest.For(x509.ExtKeyUsageAny)), nil, root.CertPEM), ""},
		{"a second from its end", proofOf(t, root.Leaf(t, names, certtest.Between(certtest.Now.Add(-hour), certtest.Now.Add(time.Second))), nil, root.CertPEM), ""},
		{"a self-signed certificate that is its own CA", proofOf(t, self, nil, self.CertPEM), ""},
		{"a self-signed CA that serves", proofOf(t, selfCA, nil, selfCA.CertPEM), ""},
		{"the leaf beside its root in the CA source", proofOf(t, leaf, nil, join(leaf.CertPEM, root.CertPEM)), "warning CANotCA"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assertFindings(t, c.proof, c.want, nil)
		})
	}
}

func TestProveRefuses(t *testing.T) {
	t.Parallel()
	names := certtest.KEDANames("keda")
	root, other := certtest.NewCA(t, "root"), certtest.NewCA(t, "other")
	middle := root.Intermediate(t, "middle")
	leaf := root.Leaf(t, names)
	cnOnly := root.Leaf(t, []string{names[0]}, func(c *x509.Certificate) { c.DNSNames = nil })
	oldRoot := certtest.NewCA(t, "old root", yesterday)
	newRoot := certtest.NewCA(t, "new root", tomorrow)
	today := certtest.NewCA(t, "today", certtest.Between(certtest.Now.Add(-hour), certtest.Now.Add(hour)))
	oldMiddle := root.Intermediate(t, "old middle", yesterday)
	serving := root.Intermediate(t, "serving", certtest.For(x509.ExtKeyUsageServerAuth))
	narrow := certtest.NewCA(t, "narrow", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} })
	flat := certtest.NewCA(t, "flat", func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := flat.Intermediate(t, "below")
	impostor := certtest.NewCA(t, "root")
	cases := []struct {
		name  string
		proof Proof
		want  string
		says  []string
	}{
		{"an expired leaf", proofOf(t, root.Leaf(t, names, yesterday), nil, root.CertPEM), "LeafExpired",
			[]string{"Secret keda/my-tls data[tls.crt]", "expired at 2026-11-22T12:00:00Z, now is 2026-11-23T12:00:00Z"}},
		{"an expired leaf, whose CA was renewed since", proofOf(t, today.Leaf(t, names, yesterday), nil, today.CertPEM), "LeafExpired", nil},
		{"an expired leaf, whose CA has expired too", proofOf(t, oldRoot.Leaf(t, names, certtest.Between(certtest.Now.Add(-48*hour), certtest.Now.Add(-hour))), nil, oldRoot.CertPEM), "LeafExpired, CAUnverified",
			[]string{`the CA "CN=old root"`}},
		{"a leaf of tomorrow, whose CA ends today", proofOf(t, today.Leaf(t, names, tomorrow), nil, today.CertPEM), "LeafNotYetValid", nil},
		{"a leaf of tomorrow", proofOf(t, root.Leaf(t, names, tomorrow), nil, root.CertPEM), "LeafNotYetValid",
			[]string{"is not valid before 2026-11-24T12:00:00Z"}},
		{"a leaf for other names", proofOf(t, root.Leaf(t, []string{"a.example", "*.keda.svc"}), nil, root.CertPEM), "NamesMissing",
			[]string{`not valid for "keda-operator.keda.svc.cluster.local"`, `its DNS names (SANs) are "a.example", "*.keda.svc";`}},
		{"a name in the CN only", proofOf(t, cnOnly, nil, root.CertPEM), "NamesMissing",
			[]string{"are none, and its common name does not count"}},
		{"a leaf for serving only", proofOf(t, root.Leaf(t, names, certtest.For(x509.ExtKeyUsageServerAuth)), nil, root.CertPEM), "UsageMissing",
			[]string{"lacks client auth, it has server auth;"}},
		{"a leaf for code signing", proofOf(t, root.Leaf(t, names, certtest.For(x509.ExtKeyUsageCodeSigning)), nil, root.CertPEM), "UsageMissing",
			[]string{"lacks server auth and client auth, it has other usages only"}},
		{"no CA", proofOf(t, leaf, nil, nil), "CAMissing",
			[]string{"ConfigMap keda/roots data[ca.crt]", `issued by "CN=root"`, AnnotationCertificateCA}},
		{"another CA", proofOf(t, leaf, nil, other.CertPEM), "CAUnverified", []string{`issued by "CN=root"`, "unknown authority"}},
		{"another CA of the same name", proofOf(t, leaf, nil, impostor.CertPEM), "CAUnverified", []string{"ECDSA verification failure"}},
		{"a missing intermediate", proofOf(t, middle.Leaf(t, names), nil, root.CertPEM), "CAUnverified",
			[]string{`issued by "CN=middle"`, "intermediates into tls.crt"}},
		{"the leaf as its CA", proofOf(t, leaf, nil, leaf.CertPEM), "CANotCA",
			[]string{"is not a CA but the very certificate that it should verify", `put the CA that issued it here, "CN=root"`}},
		{"another leaf as CA", proofOf(t, leaf, nil, root.Leaf(t, []string{"a.example"}).CertPEM), "CANotCA", []string{`"CN=a.example"`}},
		{"a leaf and the wrong CA", proofOf(t, leaf, nil, join(leaf.CertPEM, other.CertPEM)), "CANotCA, CAUnverified", nil},
		{"an expired root", proofOf(t, oldRoot.Leaf(t, names), nil, oldRoot.CertPEM), "CAUnverified",
			[]string{`the CA "CN=old root"`, "expired at 2026-11-22T12:00:00Z; renew the CA"}},
		{"a root of tomorrow", proofOf(t, newRoot.Leaf(t, names), nil, newRoot.CertPEM), "CAUnverified",
			[]string{`the CA "CN=new root"`, "is not valid before"}},
		{"an expired intermediate", proofOf(t, oldMiddle.Leaf(t, names), oldMiddle.CertPEM, root.CertPEM), "CAUnverified",
			[]string{`the CA "CN=old middle"`, "expired at"}},
		{"an intermediate for serving only", proofOf(t, serving.Leaf(t, names), serving.CertPEM, root.CertPEM), "CAUnverified",
			[]string{"for client auth, which a CA in the chain leaves out"}},
		{"a CA that is constrained to other names", proofOf(t, narrow.Leaf(t, names), nil, narrow.CertPEM), "CAUnverified",
			[]string{"within what its CA allows"}},
		{"a CA that allows no intermediate", proofOf(t, below.Leaf(t, names), below.CertPEM, flat.CertPEM), "CAUnverified", nil},
		{"everything at once", proofOf(t, root.Leaf(t, []string{"a.example"}, yesterday, certtest.For(x509.ExtKeyUsageClientAuth)), nil, other.CertPEM),
			"LeafExpired, NamesMissing, UsageMissing, CAUnverified", nil},
		{"no leaf", Proof{Object: "Secret keda/my-tls"}, "LeafInvalid", []string{"there is no certificate"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assertFindings(t, c.proof, c.want, c.says)
			if len(Faults(Prove(c.proof))) == 0 {
				t.Error("nothing of it is a fault")
			}
		})
	}
}

func TestProveNamesWhereTheCAIsFrom(t *testing.T) {
	t.Parallel()
	p := proofOf(t, certtest.NewCA(t, "root").Leaf(t, certtest.KEDANames("keda")), nil, nil)
	p.CAObject = ""
	assertFindings(t, p, "CAMissing", []string{"Secret keda/my-tls data[ca.crt]"})
	p.CAObject, p.CAField = "ConfigMap keda/roots", "data[root.pem]"
	assertFindings(t, p, "CAMissing", []string{"ConfigMap keda/roots data[root.pem]"})
}

func TestProveStaysReadableForManyNames(t *testing.T) {
	t.Parallel()
	root := certtest.NewCA(t, "root")
	many := make([]string, 400)
	for i := range many {
		many[i] = "name-" + strings.Repeat("x", i%40) + ".example"
	}
	p := proofOf(t, root.Leaf(t, many), nil, root.CertPEM)
	findings := Prove(p)
	assertFindings(t, p, "NamesMissing", []string{"388 more"})
	if size := len(findings[0].Message); size > 2000 {
		t.Errorf("the message has %d bytes", size)
	}
}
