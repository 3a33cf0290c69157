package main

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keda-trust": main})
}

// TestScripts runs the files of testdata/script. Each finds in its directory
// keda.yaml, as Helm renders KEDA, and the files of certificates.
func TestScripts(t *testing.T) {
	t.Parallel()
	keda, err := os.ReadFile("testdata/keda.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := certificates(t)
	files["keda.yaml"] = keda
	files["utf16.yaml"] = asUTF16(keda)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), content, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// certificates are files that are right, and one for each way in which they can
// be wrong. Secret keda/keda-tls, in secret.yaml, holds the leaf of leaf.pem.
func certificates(t *testing.T) map[string][]byte {
	ca, other := certtest.NewCA(t, "Corp"), certtest.NewCA(t, "Other")
	names := certtest.KEDANames("keda")
	leaf, now := ca.Leaf(t, names), time.Now()
	ended := certtest.Between(now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	return map[string][]byte{
		"ca.pem":             ca.CertPEM,
		"other.pem":          other.CertPEM,
		"ca-expired.pem":     certtest.NewCA(t, "Old", ended).CertPEM,
		"ca-and-key.pem":     slices.Concat(ca.CertPEM, ca.KeyPEM),
		"ca-truncated.pem":   ca.CertPEM[:len(ca.CertPEM)/2],
		"ca-huge.pem":        bytes.Repeat([]byte("# a comment\n"), 1<<17),
		"ca-commented.pem":   slices.Concat([]byte("\ufeff# our root\r\n"), bytes.ReplaceAll(ca.CertPEM, []byte("\n"), []byte("\r\n"))),
		"ca.der":             ca.Cert.Raw,
		"empty":              nil,
		"leaf.pem":           slices.Concat(leaf.CertPEM, leaf.KeyPEM),
		"leaf-alone.pem":     leaf.CertPEM,
		"leaf-key.pem":       leaf.KeyPEM,
		"leaf-damaged.pem":   slices.Concat(leaf.CertPEM, ca.CertPEM[:len(ca.CertPEM)/2], leaf.KeyPEM),
		"leaf-other-key.pem": slices.Concat(leaf.CertPEM, ca.Leaf(t, names).KeyPEM),
		"leaf-names.pem":     ca.Leaf(t, []string{"x.example"}).CertPEM,
		"leaf-serving.pem":   ca.Leaf(t, names, certtest.For(x509.ExtKeyUsageServerAuth)).CertPEM,
		"leaf-expired.pem":   ca.Leaf(t, names, ended).CertPEM,
		"leaf-early.pem":     ca.Leaf(t, names, certtest.Between(now.Add(24*time.Hour), now.Add(48*time.Hour))).CertPEM,
		"secret.yaml":        secretOf(leaf, ca.CertPEM),
		"secret-no-ca.yaml":  secretOf(leaf, nil),
	}
}

func secretOf(leaf certtest.Pair, ca []byte) []byte {
	encode := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: keda-tls, namespace: keda}\ndata:\n  tls.crt: %s\n  tls.key: %s\n",
		encode(leaf.CertPEM), encode(leaf.KeyPEM))
	if ca != nil {
		text += fmt.Sprintf("stringData:\n  ca.crt: %q\n", ca)
	}
	return []byte(text)
}

// asUTF16 is what the > of PowerShell writes.
func asUTF16(text []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}
