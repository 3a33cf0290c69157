package manifests_test

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/manifests"
)

func TestNoCABundleIsRendered(t *testing.T) {
	all, err := objects()
	if err != nil {
		t.Fatal(err)
	}
	webhooks := 0
	for _, object := range all {
		if configuration, ok := object.(*admissionregistrationv1.MutatingWebhookConfiguration); ok {
			for _, webhook := range configuration.Webhooks {
				webhooks++
				if webhook.ClientConfig.CABundle != nil {
					t.Errorf("webhook %s has a caBundle, which every upgrade would write over keda-trust's", webhook.Name)
				}
			}
		}
	}
	if webhooks != 3 {
		t.Errorf("install.yaml holds %d webhooks, want 3", webhooks)
	}
	if bytes.Contains(manifests.InstallYAML, []byte("caBundle:")) {
		t.Error("install.yaml holds a caBundle")
	}
}

func TestEverythingIsWhereTheNamesSay(t *testing.T) {
	configuration := one[*admissionregistrationv1.MutatingWebhookConfiguration](t, "", injector.WebhookConfigurationName)
	service := one[*corev1.Service](t, injector.Name, injector.ServiceName)
	paths := map[string]string{
		injector.WebhookDeployments: injector.PathMutate,
		injector.WebhookAPIServices: injector.PathMutate,
		injector.WebhookProbe:       injector.PathProbe,
	}
	for _, webhook := range configuration.Webhooks {
		called := webhook.ClientConfig.Service
		if called.Name != service.Name || called.Namespace != service.Namespace || *called.Port != service.Spec.Ports[0].Port {
			t.Errorf("webhook %s calls %s/%s:%d, which is not the Service %s/%s", webhook.Name, called.Namespace, called.Name, *called.Port, service.Namespace, service.Name)
		}
		want, known := paths[webhook.Name]
		if !known || *called.Path != want {
			t.Errorf("webhook %s calls path %q, want %q", webhook.Name, *called.Path, want)
		}
		delete(paths, webhook.Name)
	}
	if len(paths) > 0 {
		t.Errorf("webhooks that are not there: %v", paths)
	}
	one[*rbacv1.Role](t, injector.Name, injector.Name)
	one[*rbacv1.Role](t, injector.DefaultKEDANamespace, injector.Name)
}

func TestWebhooksMatchOnlyWhatIsMeant(t *testing.T) {
	configuration := one[*admissionregistrationv1.MutatingWebhookConfiguration](t, "", injector.WebhookConfigurationName)
	for _, webhook := range configuration.Webhooks {
		if *webhook.FailurePolicy != admissionregistrationv1.Ignore || *webhook.SideEffects != admissionregistrationv1.SideEffectClassNone || *webhook.TimeoutSeconds != 5 {
			t.Errorf("webhook %s: failurePolicy %s, sideEffects %s, timeoutSeconds %d, want Ignore, None, 5", webhook.Name, *webhook.FailurePolicy, *webhook.SideEffects, *webhook.TimeoutSeconds)
		}
		switch webhook.Name {
		case injector.WebhookDeployments:
			wantRequirement(t, webhook.NamespaceSelector.MatchExpressions[0].String(), "&LabelSelectorRequirement{Key:"+injector.LabelInject+",Operator:Exists,Values:[],}")
			if excluded := webhook.NamespaceSelector.MatchExpressions[1].Values; !slices.Equal(excluded, []string{"kube-system", injector.Name}) {
				t.Errorf("webhook %s leaves out the namespaces %v, want kube-system and keda-trust's own", webhook.Name, excluded)
			}
		case injector.WebhookAPIServices:
			wantRequirement(t, webhook.ObjectSelector.MatchExpressions[0].String(), "&LabelSelectorRequirement{Key:kube-aggregator.kubernetes.io/automanaged,Operator:DoesNotExist,Values:[],}")
			if condition := webhook.MatchConditions[0].Expression; !strings.Contains(condition, "'"+injector.KEDAAPIService+"'") {
				t.Errorf("webhook %s matches by %q, want the one name %s", webhook.Name, condition, injector.KEDAAPIService)
			}
		case injector.WebhookProbe:
			wantProbeOnly(t, webhook)
		}
	}
}

// wantProbeOnly: whoever creates ConfigMaps must not be slowed down for the probe.
func wantProbeOnly(t *testing.T, webhook admissionregistrationv1.MutatingWebhook) {
	t.Helper()
	condition := webhook.MatchConditions[0].Expression
	for _, want := range []string{"request.dryRun", "'" + injector.ProbeConfigMap + "'"} {
		if !strings.Contains(condition, want) {
			t.Errorf("webhook %s matches by %q, want %s in it", webhook.Name, condition, want)
		}
	}
	if namespace := webhook.NamespaceSelector.MatchLabels[corev1.LabelMetadataName]; namespace != injector.Name {
		t.Errorf("webhook %s matches in Namespace %q, want keda-trust's own", webhook.Name, namespace)
	}
}

func wantRequirement(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("selector requirement %s, want %s", got, want)
	}
}

func TestPodsAreRestricted(t *testing.T) {
	pod := one[*appsv1.Deployment](t, injector.Name, injector.Name).Spec.Template.Spec
	if pod.SecurityContext.RunAsUser != nil || !*pod.SecurityContext.RunAsNonRoot {
		t.Error("the pod has to be non-root without a fixed user: OpenShift assigns one")
	}
	if pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Error("the pod has no seccomp profile")
	}
	container := pod.Containers[0].SecurityContext
	if !*container.ReadOnlyRootFilesystem || *container.AllowPrivilegeEscalation || !slices.Equal(container.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("the container's securityContext %v allows more than it needs", container)
	}
	namespace := one[*corev1.Namespace](t, "", injector.Name)
	if namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Errorf("Namespace %s does not enforce the restricted Pod Security Standard", namespace.Name)
	}
}

func TestAStalledNodeTakesNoReplicaOutOfTheService(t *testing.T) {
	probe := one[*appsv1.Deployment](t, injector.Name, injector.Name).Spec.Template.Spec.Containers[0].ReadinessProbe
	if probe.FailureThreshold < 2 {
		t.Errorf("one probe that is not answered in time makes a replica unready, and a stall does that to all of them at once: failureThreshold %d", probe.FailureThreshold)
	}
	if unready := probe.FailureThreshold * probe.PeriodSeconds; unready >= 10 {
		t.Errorf("a replica that drains is unready after %d s, want sooner than the 10 s for which it serves on", unready)
	}
}

func TestDeletingInstallYAMLDeletesNothingOfKEDAs(t *testing.T) {
	all, err := objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range all {
		if namespace, ok := object.(*corev1.Namespace); ok && namespace.Name != injector.Name {
			t.Errorf("install.yaml holds Namespace %s: kubectl delete -f would take what lives there", namespace.Name)
		}
	}
}

func TestTheNotesHaveOneLookBeforeAnythingIsLabelled(t *testing.T) {
	notes, err := fs.ReadFile(manifests.Chart, "chart/templates/NOTES.txt")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(notes), "kubectl label namespace")
	if !found || !strings.Contains(before, "keda-trust diff -n {{ . }}") {
		t.Errorf("want `keda-trust diff -n` before the first label, got:\n%s", notes)
	}
}

func TestTheChartIsEmbeddedWhole(t *testing.T) {
	for _, path := range []string{"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "templates/_helpers.tpl", "templates/NOTES.txt"} {
		if _, err := fs.Stat(manifests.Chart, "chart/"+path); err != nil {
			t.Error(err)
		}
	}
}
