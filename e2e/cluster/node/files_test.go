package node

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

func TestEveryFileIsWrittenInFull(t *testing.T) {
	n := testNode(t)
	configured, err := n.configuration("/usr/lib/cni")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := n.credentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []files{configured, credentials} {
		for path, content := range written {
			if len(bytes.TrimSpace(content)) == 0 || bytes.Contains(content, []byte("{{")) || bytes.Contains(content, []byte("<no value>")) {
				t.Errorf("%s is\n%s", path, content)
			}
		}
	}
	var network struct{ Plugins []struct{ Type string } }
	if err := json.Unmarshal(configured["etc/cni/10-pods.conflist"], &network); err != nil || len(network.Plugins) != 1 {
		t.Errorf("the network is %+v, %v", network, err)
	}
}

// Whatever a program is told to read is written, and nothing outside of the
// node's directory is.
func TestThePlanNamesOnlyFilesThatAreWritten(t *testing.T) {
	n := testNode(t)
	configured, err := n.configuration("/usr/lib/cni")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := n.credentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{"containerd.sock": true, "etcd": true, "kubelet": true, "kubelet/plugins": true, "registry": true,
		"log/pods": true, "containerd": true, "etc/cni": true, "etc/registries": true}
	mentions := string(mustEncode(t, n.plan(testPrograms(t), nil)))
	for path, content := range configured {
		there[path] = true
		mentions += "\n" + string(content)
	}
	for path := range credentials {
		there[path] = true
	}
	for _, part := range strings.Split(mentions, n.Dir+"/")[1:] {
		path, _, _ := strings.Cut(strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("\"' \n,", r) })[0], "\\")
		if !there[path] && !strings.HasPrefix(path, "log/") && path != endedFile {
			t.Errorf("%s is named, but not written", path)
		}
	}
}

func TestAServerIsVerifiedUnderEveryNameOfTheAPIServer(t *testing.T) {
	credentials, err := testNode(t).credentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(credentials["pki/ca.crt"])
	served := mustParse(t, credentials["pki/apiserver.crt"])
	late := time.Now().AddDate(0, 11, 0) // a cluster may be left running for long
	for _, name := range []string{"kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.77.0.1", "10.96.0.1", "127.0.0.1"} {
		if _, err := served.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: late}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	client := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, CurrentTime: late}
	if _, err := served.Verify(client); err == nil {
		t.Error("the API server's certificate passes for a client's")
	}
	for path, want := range map[string]string{
		"pki/admin":          "CN=kubernetes-admin,O=system:masters",
		"pki/kubelet-client": "CN=kube-apiserver-kubelet-client,O=system:masters",
	} {
		if _, err := tls.X509KeyPair(credentials[path+".crt"], credentials[path+".key"]); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		certificate := mustParse(t, credentials[path+".crt"])
		if _, err := certificate.Verify(client); err != nil || certificate.Subject.String() != want {
			t.Errorf("%s is of %s, want %s, %v", path, certificate.Subject, want, err)
		}
	}
	if _, err := mustParse(t, credentials["pki/front.crt"]).Verify(client); err == nil {
		t.Error("the front proxy's certificate is of the clients' CA, so any client could pass for the front proxy")
	}
}

func TestAKubeconfigSaysWhoConnects(t *testing.T) {
	credentials, err := testNode(t).credentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for path, user := range map[string]string{
		"admin.conf": "kubernetes-admin", "kubelet.conf": "system:node:node-1", "scheduler.conf": "system:kube-scheduler",
		"manager.conf": "system:kube-controller-manager", "proxy.conf": "system:kube-proxy", "dns.conf": "coredns",
	} {
		if content := string(credentials[path]); !strings.Contains(content, "user: \""+user+"\"") || !strings.Contains(content, testNode(t).apiServer()) {
			t.Errorf("%s is not of %s:\n%s", path, user, content)
		}
	}
}

func mustParse(t *testing.T, content []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatalf("no PEM: %s", content)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
