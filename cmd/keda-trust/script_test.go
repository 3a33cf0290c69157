package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keda-trust": main})
}

// TestScripts runs the files of testdata/script. Each finds keda.yaml, as Helm
// renders KEDA, and ca.pem, leaf.pem (with its key), other.pem (another CA) and
// secret.yaml (Secret keda/keda-tls with that leaf) in its directory.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return certificates(t, env.WorkDir) },
	})
}

func certificates(t *testing.T, dir string) error {
	ca, other := certtest.NewCA(t, "Corp"), certtest.NewCA(t, "Other")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	keda, err := os.ReadFile("testdata/keda.yaml")
	if err != nil {
		return err
	}
	encode := base64.StdEncoding.EncodeToString
	secret := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: keda-tls, namespace: keda}\ndata:\n  tls.crt: %s\n  tls.key: %s\nstringData:\n  ca.crt: %q\n",
		encode(leaf.CertPEM), encode(leaf.KeyPEM), ca.CertPEM)
	for name, content := range map[string][]byte{
		"keda.yaml": keda, "ca.pem": ca.CertPEM, "other.pem": other.CertPEM,
		"leaf.pem": append(leaf.CertPEM, leaf.KeyPEM...), "secret.yaml": []byte(secret),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
