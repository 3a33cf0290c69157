package serving

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clocktesting "k8s.io/utils/clock/testing"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestCAIsBackdatedAndUnlikeAnyOther(t *testing.T) {
	t.Parallel()
	one, other := mustCA(t, noon, time.Hour), mustCA(t, noon, time.Hour)
	if !one.Certificate.NotBefore.Equal(noon.Add(-clockSkew)) || !one.Certificate.NotAfter.Equal(noon.Add(time.Hour)) {
		t.Errorf("valid from %s to %s, want an hour before and after %s", one.Certificate.NotBefore, one.Certificate.NotAfter, noon)
	}
	if one.Certificate.SerialNumber.Cmp(other.Certificate.SerialNumber) == 0 || one.Certificate.Subject.CommonName == other.Certificate.Subject.CommonName {
		t.Error("two CAs share a serial number or a name")
	}
	if key, ok := one.Key.(*ecdsa.PrivateKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T, want ECDSA P-256", one.Key)
	}
}

func TestLeafIsVerifiedByItsCAAndNeverOutlivesIt(t *testing.T) {
	t.Parallel()
	ca := mustCA(t, noon, 30*time.Hour)
	for _, test := range []struct {
		story       string
		now         time.Time
		left, early time.Duration
	}{
		{"a whole lifetime", noon, 24 * time.Hour, time.Hour},
		{"shortened by its CA", noon.Add(29 * time.Hour), time.Hour, 15 * time.Minute},
		{"at the very end", noon.Add(30*time.Hour - 4*time.Second), 4 * time.Second, time.Second},
	} {
		t.Run(test.story, func(t *testing.T) {
			t.Parallel()
			authority := NewAuthority(clocktesting.NewFakePassiveClock(test.now), 24*time.Hour, []net.IP{net.IPv4(127, 0, 0, 1)})
			authority.Use(ca)
			leaf, err := authority.Sign(leafTemplate(t))
			if err != nil {
				t.Fatal(err)
			}
			if !leaf.NotAfter.Equal(test.now.Add(test.left)) || !leaf.NotBefore.Equal(test.now.Add(-test.early)) {
				t.Errorf("valid from %s to %s, want %s before and %s after %s", leaf.NotBefore, leaf.NotAfter, test.early, test.left, test.now)
			}
			// DynamicSource renews at this moment; in the past it would spin.
			if renewal := leaf.NotAfter.Add(leaf.NotAfter.Sub(leaf.NotBefore) / -3); !renewal.After(test.now) {
				t.Errorf("is renewed at %s, which is not after %s", renewal, test.now)
			}
			roots := x509.NewCertPool()
			roots.AddCert(ca.Certificate)
			for _, name := range []string{"keda-trust-webhook.keda-trust.svc", "127.0.0.1"} {
				if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: test.now}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestLeafOfACAThatEndsIsRefused(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(clocktesting.NewFakePassiveClock(noon.Add(time.Hour)), 24*time.Hour, nil)
	authority.Use(mustCA(t, noon, time.Hour))
	if _, err := authority.Sign(leafTemplate(t)); err == nil || !strings.Contains(err.Error(), "ended or is about to") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestSignWaitsForTheFirstCAAndEndsWithRun(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(clocktesting.NewFakePassiveClock(noon), time.Hour, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ran, signed := make(chan error, 1), make(chan error, 1)
	go func() { ran <- authority.Run(ctx) }()
	template := leafTemplate(t)
	go func() {
		_, err := authority.Sign(template)
		signed <- err
	}()
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := <-signed; !errors.Is(err, errStopped) {
		t.Errorf("got %v, want %v", err, errStopped)
	}
}

func TestWatchersAreToldOfAnotherCAOnly(t *testing.T) {
	t.Parallel()
	authority := NewAuthority(clocktesting.NewFakePassiveClock(noon), time.Hour, nil)
	told := make(chan struct{}, 1)
	authority.WatchRotation(told)
	one := mustCA(t, noon, time.Hour)
	for _, step := range []struct {
		ca   *CA
		want int
	}{{one, 1}, {one, 0}, {mustCA(t, noon, time.Hour), 1}} {
		authority.Use(step.ca)
		if len(told) != step.want {
			t.Fatalf("told %d times, want %d", len(told), step.want)
		}
		for len(told) > 0 {
			<-told
		}
	}
	authority.StopWatchingRotation(told)
	authority.Use(mustCA(t, noon, time.Hour))
	if len(told) != 0 {
		t.Error("told after it stopped watching")
	}
}

func TestSecretHoldsWhatWasApplied(t *testing.T) {
	t.Parallel()
	want := Certificates{
		Current: mustCA(t, noon, time.Hour), Next: mustCA(t, noon, time.Hour),
		Previous: []*x509.Certificate{mustCA(t, noon, time.Hour).Certificate, mustCA(t, noon, time.Hour).Certificate},
		Why:      Forced, NextPublished: noon.Add(time.Millisecond), Promoted: noon, Requested: "b", Rotated: "a",
	}
	secret := &corev1.Secret{Data: map[string][]byte{"theirs": []byte("stays")}}
	if err := want.Apply(secret); err != nil {
		t.Fatal(err)
	}
	got := Parse(secret)
	if got.Fault != nil || serial(got.Current) != serial(want.Current) || serial(got.Next) != serial(want.Next) ||
		len(union(got.Previous, want.Previous)) != 2 || got.Why != want.Why || got.Requested != "b" || got.Rotated != "a" ||
		!got.NextPublished.Equal(want.NextPublished) || !got.Promoted.Equal(want.Promoted) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := (Certificates{Current: want.Current}).Apply(secret); err != nil {
		t.Fatal(err)
	}
	if len(secret.Data) != 3 || len(secret.Annotations) != 0 || string(secret.Data["theirs"]) != "stays" {
		t.Errorf("left %d keys and annotations %v, want current, its key and theirs", len(secret.Data), secret.Annotations)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	t.Parallel()
	good := Options{Namespace: "keda-trust", Address: "127.0.0.1:9443"}
	if faults := good.Validate(field.NewPath("serving")); len(faults) != 0 {
		t.Errorf("the defaults have faults: %v", faults)
	}
	bad := Options{Address: "9443", Policy: Policy{LeafLifetime: 48 * time.Hour, CALifetime: 48 * time.Hour, ForcedDwell: time.Second, Dwell: time.Second}}
	text := bad.Validate(field.NewPath("serving")).ToAggregate().Error()
	for _, name := range []string{"serving.leafLifetime", "serving.caLifetime", "serving.dwell", "serving.forcedDwell", "namespace", `"9443"`} {
		if !strings.Contains(text, name) {
			t.Errorf("%s is not named in: %s", name, text)
		}
	}
	if _, err := New(bad); err == nil {
		t.Error("New took options without a namespace")
	}
}

func leafTemplate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		PublicKey:   key.Public(),
		DNSNames:    Options{Namespace: "keda-trust"}.withDefaults().dnsNames(),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}
