package injector

import (
	"encoding/json"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

func operator(args ...string) *appsv1.Deployment {
	return deployment("keda-operator", nil, corev1.Container{Name: "keda", Command: []string{"/keda"}, Args: args})
}

func metricsAPIServer(args ...string) *appsv1.Deployment {
	return deployment("keda-metrics-apiserver", nil, corev1.Container{Name: "keda", Command: []string{"/keda-adapter"}, Args: args})
}

func admissionWebhooks(args ...string) *appsv1.Deployment {
	return deployment("keda-admission", nil, corev1.Container{Name: "keda", Command: []string{"/keda-admission-webhooks"}, Args: args})
}

func apiServiceOf(namespace, name string) *apiregistrationv1.APIService {
	return &apiregistrationv1.APIService{Spec: apiregistrationv1.APIServiceSpec{Service: &apiregistrationv1.ServiceReference{Namespace: namespace, Name: name}}}
}

func validatingWebhookOf(namespace string, names ...string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	vwc := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for _, name := range names {
		vwc.Webhooks = append(vwc.Webhooks, admissionregistrationv1.ValidatingWebhook{ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: name},
		}})
	}
	return vwc
}

func mustInstall(t *testing.T, deployments ...*appsv1.Deployment) Installation {
	t.Helper()
	i, findings := NewInstallation("keda", deployments, nil, nil)
	if len(findings) > 0 {
		t.Fatalf("findings %v, want none", findings)
	}
	return i
}

// withSecret mounts a Secret in the first container.
func withSecret(d *appsv1.Deployment, secret, dir string) *appsv1.Deployment {
	spec := &d.Spec.Template.Spec
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: secret, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}})
	spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: secret, MountPath: dir})
	return d
}

func TestInstallationOfEveryManifest(t *testing.T) {
	t.Parallel()
	eachManifest(t, func(t *testing.T, file string, objects []expectedObject) {
		i := readInstallation(t, file)
		for _, want := range objects {
			if want.Kind == "Deployment" && want.Component != ComponentNone {
				checkInstalled(t, i, want)
			}
		}
		openShift := strings.HasSuffix(file, "openshift.yaml")
		if reason, message := i.StandBack(); (reason == ReasonOwnedElsewhere) != openShift {
			t.Errorf("stands back for %q %q, want it to: %t", reason, message, openShift)
		}
	})
}

func readInstallation(t *testing.T, file string) Installation {
	t.Helper()
	var deployments []*appsv1.Deployment
	namespace := "keda"
	for _, d := range readManifest[appsv1.Deployment](t, file, "Deployment") {
		deployments, namespace = append(deployments, d), d.Namespace
	}
	i, findings := NewInstallation(namespace, deployments,
		readManifest[apiregistrationv1.APIService](t, file, "APIService")[KEDAAPIService],
		readManifest[admissionregistrationv1.ValidatingWebhookConfiguration](t, file, "ValidatingWebhookConfiguration")[KEDAValidatingWebhook])
	if len(findings) > 0 {
		t.Errorf("findings %v, want none", findings)
	}
	return i
}

func checkInstalled(t *testing.T, i Installation, want expectedObject) {
	t.Helper()
	if d := i.Deployments[want.Component]; d == nil || d.Name != want.Name {
		t.Errorf("%s is %v, want %s", want.Component, d, want.Name)
	}
	if want.Component != ComponentOperator {
		return
	}
	rotation := want.Flags[flagCertRotation]
	wantIssues := len(rotation) > 0 && rotation[len(rotation)-1] == "true"
	if issues, known := i.KEDAIssues(); issues != wantIssues || !known {
		t.Errorf("KEDA issues: %t (%t), want %t", issues, known, wantIssues)
	}
	secret, isSecret := strings.CutPrefix(want.Volumes["certificates"], "secret:")
	if name, known := i.CertSecret(); isSecret && (name != secret || !known) {
		t.Errorf("certificate Secret is %q (%t), want %q", name, known, secret)
	}
}

func TestInstallationCountsOnlyWhatPointsToItsNamespace(t *testing.T) {
	t.Parallel()
	here, _ := NewInstallation("keda", nil, apiServiceOf("keda", "a"), validatingWebhookOf("keda", "a"))
	if here.APIService == nil || here.ValidatingWebhook == nil {
		t.Error("objects that point to a Service in the namespace are not part of the installation")
	}
	there, _ := NewInstallation("keda", nil, apiServiceOf("other", "a"), validatingWebhookOf("other", "a"))
	if there.APIService != nil || there.ValidatingWebhook != nil {
		t.Error("objects that point to a Service of another namespace are part of the installation")
	}
	local, _ := NewInstallation("keda", nil, &apiregistrationv1.APIService{}, validatingWebhookOf("keda"))
	if local.APIService != nil || local.ValidatingWebhook != nil {
		t.Error("objects that point to no Service are part of the installation")
	}
}

func TestInstallationRefusesTwoOfOneComponent(t *testing.T) {
	t.Parallel()
	second := operator()
	second.Name = "a-keda-operator"
	i, findings := NewInstallation("keda", []*appsv1.Deployment{operator(), second, metricsAPIServer()}, nil, nil)
	wantFault(t, findings, ReasonAmbiguous, "Deployment keda/a-keda-operator")
	if len(i.Deployments) != 2 || i.Deployments[ComponentOperator] != second {
		t.Errorf("Deployments %v, want the first by name and the metrics-apiserver", i.Deployments)
	}
}

func TestInstallationRefusesOneDeploymentTwice(t *testing.T) {
	t.Parallel()
	_, findings := NewInstallation("keda", []*appsv1.Deployment{operator(), operator()}, nil, nil)
	wantFault(t, findings, ReasonAmbiguous, "is given more than once")
}

func TestCertSecretIsTheOneMountedAtTheDirectoryInUse(t *testing.T) {
	t.Parallel()
	subPath := withSecret(operator(), "one-file", "/certs")
	subPath.Spec.Template.Spec.Containers[0].VolumeMounts[0].SubPath = "tls.crt"
	cases := map[string]struct {
		deployments []*appsv1.Deployment
		want        string
	}{
		"the default directory":                       {[]*appsv1.Deployment{withSecret(operator(), "a", "/certs")}, "a"},
		"a directory written with a slash at its end": {[]*appsv1.Deployment{withSecret(operator("--cert-dir=/x/"), "a", "/x/")}, "a"},
		"the last of two directories":                 {[]*appsv1.Deployment{withSecret(withSecret(operator("--cert-dir=/certs", "--cert-dir=/x"), "a", "/certs"), "b", "/x")}, "b"},
		"the operator's before the others'":           {[]*appsv1.Deployment{withSecret(metricsAPIServer(), "m", "/certs"), withSecret(operator(), "o", "/certs")}, "o"},
		"another's where the operator has none":       {[]*appsv1.Deployment{withSecret(admissionWebhooks(), "w", "/certs"), operator()}, "w"},
		"the serving certificate of the adapter":      {[]*appsv1.Deployment{withSecret(withSecret(metricsAPIServer("--cert-dir=/certs", "--tls-cert-file=/x/tls.crt"), "a", "/certs"), "b", "/x")}, "b"},
		"a mount elsewhere is none":                   {[]*appsv1.Deployment{withSecret(operator(), "a", "/certs/extra")}, ""},
		"a single file is none":                       {[]*appsv1.Deployment{subPath}, ""},
		"what keda-trust published is none":           {[]*appsv1.Deployment{withSecret(operator(), PublishedSecret, "/certs")}, ""},
		"nothing visible":                             {nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, known := mustInstall(t, tc.deployments...).CertSecret(); got != tc.want || known != (tc.want != "") {
				t.Errorf("Secret %q (%t), want %q", got, known, tc.want)
			}
		})
	}
}

func TestCertDirInUseIsAnAbsolutePath(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deployment *appsv1.Deployment
		component  Component
		want       string
	}{
		"no flag":                                 {operator(), ComponentOperator, "/certs"},
		"the last flag":                           {operator("--cert-dir=/a", "--cert-dir=/b/"), ComponentOperator, "/b"},
		"the operator has no --tls-cert-file":     {operator("--cert-dir=/a", "--tls-cert-file=/b/c"), ComponentOperator, "/a"},
		"the adapter's serving certificate":       {metricsAPIServer("--cert-dir=/a", "--tls_cert_file=/b/c.crt"), ComponentMetricsAPIServer, "/b"},
		"the adapter without one":                 {metricsAPIServer("--cert-dir=/a"), ComponentMetricsAPIServer, "/a"},
		"a relative path, as Kubernetes' default": {metricsAPIServer("--cert-dir=apiserver.local.config/certificates"), ComponentMetricsAPIServer, "/certs"},
		"a variable":                              {operator("--cert-dir=/a/$(DIR)"), ComponentOperator, "/certs"},
		"flags that cannot be read":               {operator("--cert-dir=/a", "--"), ComponentOperator, "/certs"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := certDirInUse(tc.component, &tc.deployment.Spec.Template.Spec.Containers[0]); got != tc.want {
				t.Errorf("directory %q, want %q", got, tc.want)
			}
		})
	}
}

func TestKEDAIssuesOnlyWhereItsRotationIsOn(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deployments   []*appsv1.Deployment
		issues, known bool
		secret        string
	}{
		"on":                        {[]*appsv1.Deployment{operator("--enable-cert-rotation=true")}, true, true, KEDACertSecret},
		"on, bare":                  {[]*appsv1.Deployment{operator("--enable-cert-rotation")}, true, true, KEDACertSecret},
		"off":                       {[]*appsv1.Deployment{operator("--enable-cert-rotation=0", "--cert-secret-name=mine")}, false, true, "mine"},
		"the last counts":           {[]*appsv1.Deployment{operator("--enable-cert-rotation", "--enable-cert-rotation=false")}, false, true, KEDACertSecret},
		"off by default":            {[]*appsv1.Deployment{operator()}, false, true, KEDACertSecret},
		"a value that is none":      {[]*appsv1.Deployment{operator("--enable-cert-rotation=perhaps")}, false, false, KEDACertSecret},
		"a variable":                {[]*appsv1.Deployment{operator("--enable-cert-rotation=$(ROTATE)", "--cert-secret-name=$(S)")}, false, false, ""},
		"flags that cannot be read": {[]*appsv1.Deployment{operator("--enable-cert-rotation", "--")}, false, false, ""},
		"an operator out of sight":  {[]*appsv1.Deployment{metricsAPIServer("--enable-cert-rotation")}, false, false, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := mustInstall(t, tc.deployments...)
			if issues, known := i.KEDAIssues(); issues != tc.issues || known != tc.known {
				t.Errorf("issues %t (known %t), want %t (%t)", issues, known, tc.issues, tc.known)
			}
			if secret, known := i.IssuedSecret(); known != (tc.secret != "") || (known && secret != tc.secret) {
				t.Errorf("writes %q (known %t), want %q", secret, known, tc.secret)
			}
		})
	}
}

func TestAnInstallationIsReadThroughItsInjection(t *testing.T) {
	t.Parallel()
	d := withSecret(operator("--enable-cert-rotation=true"), "acme-tls", DefaultCertDir)
	d.APIVersion, d.Kind = "apps/v1", "Deployment"
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var injected appsv1.Deployment
	if err := json.Unmarshal(settled(t, raw, nil, publishedState(t)), &injected); err != nil {
		t.Fatal(err)
	}
	i, _ := NewInstallation("keda", []*appsv1.Deployment{&injected}, nil, nil)
	if name, _ := i.CertSecret(); name != "acme-tls" {
		t.Errorf("certificate Secret: got %q, want the one that the manifest names", name)
	}
	if issues, known := i.KEDAIssues(); !issues || !known {
		t.Errorf("issuer: got %v, %v, want KEDA, as the manifest says", issues, known)
	}
}
