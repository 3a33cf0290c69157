package injector

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

// assertOnlyCertificates reads the PEM as text, not with the reader under test.
func assertOnlyCertificates(t *testing.T, data []byte) {
	t.Helper()
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "-") && line != "-----BEGIN CERTIFICATE-----" && line != "-----END CERTIFICATE-----" {
			t.Errorf("output has the marker %q", line)
		}
		if strings.ContainsAny(line, ":#\r") {
			t.Errorf("output has the line %q", line)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	one, two := certtest.NewCA(f, "one"), certtest.NewCA(f, "two")
	for _, seed := range [][]byte{
		nil, one.CertPEM, join(one.CertPEM, two.CertPEM, one.CertPEM), one.KeyPEM, one.Cert.Raw,
		join([]byte("\xef\xbb\xbf# roots\r\n"), one.CertPEM, []byte("\r\n-----BEGIN X")),
		bytes.ReplaceAll(one.CertPEM, []byte("\n"), []byte("\r\n")),
		one.CertPEM[:200],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBundle(data)
		if err != nil {
			return
		}
		if b.Len() == 0 {
			t.Fatal("an accepted bundle is empty")
		}
		out := b.PEM()
		assertOnlyCertificates(t, out)
		again, err := ParseBundle(out)
		if err != nil {
			t.Fatalf("own output is refused: %v", err)
		}
		if !again.Equal(b) || again.Digest() != b.Digest() {
			t.Error("own output is another bundle")
		}
		for _, finding := range b.Warnings(certtest.Now) {
			if finding.Message == "" {
				t.Error("a warning says nothing")
			}
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	root := certtest.NewCA(f, "root")
	leaf := root.Leaf(f, []string{"a.example"})
	f.Add(leaf.CertPEM, leaf.KeyPEM)
	f.Add(join(leaf.CertPEM, root.CertPEM), sec1(f, leaf.Key))
	f.Add(leaf.KeyPEM, leaf.CertPEM)
	f.Add(leaf.CertPEM, leaf.KeyPEM[:60])
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		got, err := ParseLeaf(cert, key)
		if err != nil {
			assertRepeatsNothing(t, err, key)
			return
		}
		if _, err := tls.X509KeyPair(got.CertPEM, got.KeyPEM); err != nil {
			t.Fatalf("Go's TLS refuses what ParseLeaf accepted: %v", err)
		}
		again, err := ParseLeaf(got.CertPEM, got.KeyPEM)
		if err != nil || !bytes.Equal(again.CertPEM, got.CertPEM) || !bytes.Equal(again.KeyPEM, got.KeyPEM) {
			t.Errorf("own output is another leaf, or refused: %v", err)
		}
		Prove(Proof{Object: "Secret keda/my-tls", Leaf: got, CA: bundleOf(got.Chain), Names: certtest.KEDANames("keda"), Now: certtest.Now})
	})
}

// assertRepeatsNothing looks for the words of a key in the error; words that
// are its own vocabulary are too short to count.
func assertRepeatsNothing(t *testing.T, err error, key []byte) {
	t.Helper()
	for _, word := range strings.Fields(string(key)) {
		if len(word) >= 24 && strings.Contains(err.Error(), word) {
			t.Errorf("error %q repeats %q", err, word)
		}
	}
}
