package injector

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func mustParse(tb testing.TB, data []byte) Bundle {
	tb.Helper()
	b, err := ParseBundle(data)
	if err != nil {
		tb.Fatalf("ParseBundle: %v", err)
	}
	return b
}

func TestParseBundleAcceptsWhatPeopleHave(t *testing.T) {
	t.Parallel()
	one, two := certtest.NewCA(t, "one"), certtest.NewCA(t, "two")
	bom := []byte("\xef\xbb\xbf")
	cases := map[string][]byte{
		"two certificates":                          join(one.CertPEM, two.CertPEM),
		"Windows line ends":                         bytes.ReplaceAll(join(one.CertPEM, two.CertPEM), []byte("\n"), []byte("\r\n")),
		"a byte order mark":                         join(bom, one.CertPEM, two.CertPEM),
		"files with byte order marks, put together": join(bom, one.CertPEM, bom, two.CertPEM),
		"comments and blank lines around":           join([]byte("# Corp roots\n\n"), one.CertPEM, []byte("\n \t\n# second\n"), two.CertPEM, []byte("\n# end")),
		"a certificate that is commented out":       join(one.CertPEM, two.CertPEM, []byte("# -----BEGIN CERTIFICATE-----\n# MIIB\n# -----END CERTIFICATE-----\n")),
		"the text that openssl prints":              join([]byte("Certificate:\n    Data:\n        Version: 3 (0x2)\nsubject=CN = one\n"), one.CertPEM, []byte("Two\n===\n---\n"), two.CertPEM),
		"no line end after the last block":          join(one.CertPEM, bytes.TrimSpace(two.CertPEM)),
		"blanks at line ends":                       bytes.ReplaceAll(join(one.CertPEM, two.CertPEM), []byte("\n"), []byte(" \t\n")),
		"a blank line inside a block":               join(bytes.Replace(one.CertPEM, []byte("-----\n"), []byte("-----\n\n"), 1), two.CertPEM),
	}
	want := join(one.CertPEM, two.CertPEM)
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mustParse(t, data).PEM(); !bytes.Equal(got, want) {
				t.Errorf("PEM is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestParseBundleRefuses(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "one")
	cert := ca.CertPEM
	half := cert[:len(cert)/2]
	block := func(label string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: ca.Cert.Raw})
	}
	withHeader := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"X": "y"}, Bytes: ca.Cert.Raw})
	cases := []struct {
		name  string
		data  []byte
		kind  BundleErrorKind
		block int
		says  string
	}{
		{"nothing at all", nil, BundleEmpty, 0, "is empty"},
		{"blank lines and comments only", []byte("\n# none yet\n  \n"), BundleEmpty, 0, "is empty"},
		{"text that is no PEM", []byte("hello\n"), BundleNotPEM, 0, "no PEM block"},
		{"DER", ca.Cert.Raw, BundleNotPEM, 0, "openssl x509 -inform der"},
		{"UTF-16 from PowerShell", toUTF16(cert), BundleNotPEM, 0, "UTF-16"},
		{"one byte over the limit", append(bytes.Repeat([]byte("#"), MaxBundleBytes-len(cert)), append(cert, '\n')...), BundleTooLarge, 0, "allowed are 1048576"},
		{"a block without end that fills the limit", join([]byte("-----BEGIN CERTIFICATE-----\n"), bytes.Repeat([]byte("QUJD\n"), 50000)), BundleTooLarge, 1, "more than 65536 bytes"},
		{"a private key", join(cert, ca.KeyPEM), BundlePrivateKey, 2, "is a private key"},
		{"a private key before the certificate", join(ca.KeyPEM, cert), BundlePrivateKey, 1, "is a private key"},
		{"a private key that is cut off", join(cert, ca.KeyPEM[:len(ca.KeyPEM)-40]), BundlePrivateKey, 2, "is a private key"},
		{"an RSA private key", block("RSA PRIVATE KEY"), BundlePrivateKey, 1, "is a private key"},
		{"an encrypted private key", block("ENCRYPTED PRIVATE KEY"), BundlePrivateKey, 1, "is a private key"},
		{"an OpenSSH private key", block("OPENSSH PRIVATE KEY"), BundlePrivateKey, 1, "is a private key"},
		{"a TRUSTED CERTIFICATE", join(cert, block("TRUSTED CERTIFICATE")), BundleUnexpectedBlock, 2, "convert it"},
		{"a certificate request", block("CERTIFICATE REQUEST"), BundleUnexpectedBlock, 1, "CERTIFICATE REQUEST"},
		{"an unknown label", block("SOMETHING"), BundleUnexpectedBlock, 1, "unknown type"},
		{"headers", withHeader, BundleUnexpectedBlock, 1, "has headers"},
		{"a block that is cut off", join(cert, half), BundleTruncated, 2, "END line is missing"},
		{"a block that is cut off before another", join(half, []byte("\n"), cert), BundleTruncated, 1, "another marker"},
		{"an END line cut in the middle", cert[:len(cert)-8], BundleTruncated, 1, "another marker"},
		{"a BEGIN line cut in the middle", join(cert, []byte("-----BEGIN CERTIF")), BundleTruncated, 2, "a piece of one"},
		{"a BEGIN line cut early", join(cert, []byte("-----BEG")), BundleTruncated, 2, "a piece of one"},
		{"an END without BEGIN", join(cert, cert[len(cert)/2:]), BundleTruncated, 2, "a piece of one"},
		{"a body without markers", join(cert, []byte("MIIBhTCCASugAwIBAgIIKZ8dcjEpuN8wCgYIKoZIzj0EAwIwDjEMMAoGA1UEAxMD\n")), BundleTruncated, 2, "a piece of one"},
		{"blocks glued without a line end", join(bytes.TrimSpace(cert), cert), BundleTruncated, 1, "line of its own"},
		{"an indented block", bytes.ReplaceAll(cert, []byte("-----BEGIN"), []byte("  -----BEGIN")), BundleTruncated, 1, "without indentation"},
		{"an END of another type", bytes.ReplaceAll(cert, []byte("END CERTIFICATE"), []byte("END X509 CRL")), BundleTruncated, 1, "another marker"},
		{"a body that is not base64", []byte("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), BundleBadBlock, 1, "not base64"},
		{"a body that is empty", []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), BundleBadBlock, 1, "empty"},
		{"a body that is no certificate", join(cert, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), BundleBadCertificate, 2, "not a certificate"},
		{"two certificates in one block", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: join(ca.Cert.Raw, ca.Cert.Raw)}), BundleBadCertificate, 1, "trailing data"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, err := ParseBundle(c.data)
			var bundleErr *BundleError
			if !errors.As(err, &bundleErr) {
				t.Fatalf("error is %v, want a *BundleError", err)
			}
			if bundleErr.Kind != c.kind || bundleErr.Block != c.block {
				t.Errorf("kind and block are %s and %d, want %s and %d: %v", bundleErr.Kind, bundleErr.Block, c.kind, c.block, err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
			if b.Len() != 0 {
				t.Errorf("a refused bundle has %d certificates, want none", b.Len())
			}
		})
	}
}

func toUTF16(text []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

func TestParseBundleErrorsRepeatNoContent(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "one")
	secret := strings.Split(string(ca.KeyPEM), "\n")[1]
	for name, data := range map[string][]byte{
		"in a key block":        ca.KeyPEM,
		"under another label":   []byte("-----BEGIN CERTIFICATE-----\n" + secret + "\n-----END CERTIFICATE-----\n"),
		"in the label":          []byte("-----BEGIN " + secret + "-----\n"),
		"as a header":           []byte("-----BEGIN CERTIFICATE-----\nKey: " + secret + "\n\nAAAA\n-----END CERTIFICATE-----\n"),
		"outside of any block":  []byte(secret + "\n"),
		"after a broken marker": []byte("-----BEGIN " + secret + "\n"),
	} {
		_, err := ParseBundle(data)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for i := 0; i+12 <= len(secret); i += 4 {
			if strings.Contains(err.Error(), secret[i:i+12]) {
				t.Errorf("%s: error %q repeats content", name, err)
			}
		}
	}
}

func TestBundleKeepsOrderAndDropsDuplicates(t *testing.T) {
	t.Parallel()
	one, two, three := certtest.NewCA(t, "one"), certtest.NewCA(t, "two"), certtest.NewCA(t, "three")
	first := mustParse(t, join(two.CertPEM, one.CertPEM, two.CertPEM))
	second := mustParse(t, join(one.CertPEM, three.CertPEM))

	if first.Len() != 2 {
		t.Errorf("first has %d certificates, want 2", first.Len())
	}
	all := Union(first, Bundle{}, second)
	if want := join(two.CertPEM, one.CertPEM, three.CertPEM); !bytes.Equal(all.PEM(), want) {
		t.Errorf("union is\n%s\nwant\n%s", all.PEM(), want)
	}
	if !all.Contains(three.Cert) || first.Contains(three.Cert) {
		t.Error("the third CA must be in the union and not in the first bundle")
	}
	all.Certificates()[0] = three.Cert
	if !all.Certificates()[0].Equal(two.Cert) {
		t.Error("a caller can change the bundle through Certificates")
	}
}

func TestBundleEqualAndDigestFollowTheContent(t *testing.T) {
	t.Parallel()
	one, two := certtest.NewCA(t, "one"), certtest.NewCA(t, "two")
	plain := mustParse(t, join(one.CertPEM, two.CertPEM))
	commented := mustParse(t, join([]byte("# roots\r\n"), one.CertPEM, one.CertPEM, two.CertPEM))
	reversed := mustParse(t, join(two.CertPEM, one.CertPEM))

	if !plain.Equal(commented) || plain.Digest() != commented.Digest() {
		t.Error("comments and duplicates change the bundle's identity")
	}
	if plain.Equal(reversed) || plain.Digest() == reversed.Digest() {
		t.Error("another order must be another bundle, since its PEM is another")
	}
	if len(plain.Digest()) != 16 {
		t.Errorf("digest %q is not 16 digits", plain.Digest())
	}
	if (Bundle{}).Equal(plain) || len((Bundle{}).PEM()) != 0 {
		t.Error("the zero bundle must be empty")
	}
}

func TestBundleWarnings(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "root")
	past := certtest.Between(certtest.Now.Add(-2*time.Hour), certtest.Now.Add(-time.Hour))
	future := certtest.Between(certtest.Now.Add(time.Hour), certtest.Now.Add(2*time.Hour))
	cases := []struct {
		name string
		cert []byte
		says []string
	}{
		{"a root is fine", ca.CertPEM, nil},
		{"an intermediate is fine", ca.Intermediate(t, "intermediate").CertPEM, nil},
		{"a self-signed certificate that is no CA is fine", certtest.SelfSigned(t, []string{"a.example"}).CertPEM, nil},
		{"a CA near its end is fine", certtest.NewCA(t, "ending", certtest.Between(certtest.Now.Add(-time.Hour), certtest.Now.Add(time.Second))).CertPEM, nil},
		{"an expired CA", certtest.NewCA(t, "old", past).CertPEM, []string{"expired at 2026-11-23T11:00:00Z"}},
		{"a CA of tomorrow", certtest.NewCA(t, "new", future).CertPEM, []string{"is not valid before 2026-11-23T13:00:00Z"}},
		{"a leaf", ca.Leaf(t, []string{"a.example"}).CertPEM, []string{`neither a CA nor self-signed, so it is trusted for itself only, until it is renewed; name the CA that issued it, "CN=root"`}},
		{"an expired leaf", ca.Leaf(t, []string{"a.example"}, past).CertPEM, []string{"expired at", "neither a CA"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mustParse(t, c.cert).Warnings(certtest.Now)
			if len(got) != len(c.says) {
				t.Fatalf("warnings are %v, want %d", got, len(c.says))
			}
			for i, f := range got {
				if f.Reason != ReasonCustomCAWarning || !f.Warning || !strings.Contains(f.Message, c.says[i]) {
					t.Errorf("finding is %+v, want a warning that says %q", f, c.says[i])
				}
			}
		})
	}
}

func TestDescribeCannotBeForgedOrFlooded(t *testing.T) {
	t.Parallel()
	got := Describe(certtest.NewCA(t, "root\nFAKE: line"+strings.Repeat("x", 5000)).Cert)
	if strings.Contains(got, "\n") || len(got) > 500 {
		t.Errorf("description has a line break or %d bytes: %.300s", len(got), got)
	}
	ca := certtest.NewCA(t, "root")
	want := fmt.Sprintf(`"CN=root" (SHA-256 %s, valid until 2120-01-01T00:00:00Z)`, Fingerprint(ca.Cert))
	if got := Describe(ca.Cert); got != want || len(Fingerprint(ca.Cert)) != 64 {
		t.Errorf("description is %s, want %s", got, want)
	}
}

func TestParseBundleTakesLinearTimeForCraftedInput(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{
		"many BEGIN lines":     "-----BEGIN CERTIFICATE-----\n",
		"many END lines":       "-----END CERTIFICATE-----\n",
		"many broken blocks":   "-----BEGIN CERTIFICATE-----\nA:B\n-----END CERTIFICATE-----\n",
		"many comments":        "#\n",
		"many lines of dashes": "-----\n",
		"one line of dashes":   "-",
	} {
		data := []byte(strings.Repeat(piece, MaxBundleBytes/len(piece)))
		start := time.Now()
		if _, err := ParseBundle(data); err == nil {
			t.Errorf("%s: no error", name)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %s for 1 MiB", name, took)
		}
	}
}

func TestDescribeFindsANameForEveryCertificate(t *testing.T) {
	t.Parallel()
	noSubject := func(c *x509.Certificate) { c.Subject = pkix.Name{} }
	if got := Describe(certtest.SelfSigned(t, []string{"a.example"}, noSubject).Cert); !strings.HasPrefix(got, `"a.example" (`) {
		t.Errorf("a certificate without a subject is described as %s", got)
	}
	if got := Describe(certtest.SelfSigned(t, nil, noSubject).Cert); !strings.HasPrefix(got, "without a subject (") {
		t.Errorf("a certificate without any name is described as %s", got)
	}
}
