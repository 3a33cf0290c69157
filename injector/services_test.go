package injector

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestServiceNamesAreThoseThatAreVerified(t *testing.T) {
	t.Parallel()
	podNamespace := corev1.EnvVar{Name: "POD_NAMESPACE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}}
	dialing := func(env []corev1.EnvVar, args ...string) *appsv1.Deployment {
		d := metricsAPIServer(args...)
		d.Spec.Template.Spec.Containers[0].Env = env
		return d
	}
	cases := map[string]struct {
		deployments []*appsv1.Deployment
		api, vwc    string
		want        string
	}{
		"nothing visible": {nil, "", "", ""},
		"release manifests": {
			[]*appsv1.Deployment{operator(), metricsAPIServer(), admissionWebhooks()}, "keda-metrics-apiserver", "keda-admission-webhooks",
			"keda-admission-webhooks.keda.svc keda-metrics-apiserver.keda.svc keda-operator.keda.svc.cluster.local"},
		"release manifests, Deployments alone": {
			[]*appsv1.Deployment{operator(), metricsAPIServer(), admissionWebhooks()}, "", "",
			"keda-admission-webhooks.keda.svc keda-metrics-apiserver.keda.svc keda-operator.keda.svc.cluster.local"},
		"names that the operator is told": {
			[]*appsv1.Deployment{operator("--metrics-server-service-name=m", "--webhooks-service-name=w", "--operator-service-name=o"), metricsAPIServer(), admissionWebhooks()}, "", "",
			"keda-operator.keda.svc.cluster.local m.keda.svc w.keda.svc"},
		"what the API server is told wins": {
			[]*appsv1.Deployment{operator("--metrics-server-service-name=m", "--webhooks-service-name=w")}, "api", "hook",
			"api.keda.svc hook.keda.svc keda-operator.keda.svc"},
		"names of components that are not visible are not demanded": {
			[]*appsv1.Deployment{operator("--metrics-server-service-name=m", "--webhooks-service-name=w", "--operator-service-name", "o")}, "", "", "o.keda.svc"},
		"the operator as it is dialed": {
			[]*appsv1.Deployment{operator("--operator-service-name=o"), metricsAPIServer("--metrics-service-address=op.keda.svc.corp.example:9666")}, "api", "",
			"api.keda.svc op.keda.svc.corp.example"},
		"a gRPC target with a scheme": {
			[]*appsv1.Deployment{metricsAPIServer("--metrics-service-address=dns:///op.keda.svc.corp.example.:9666")}, "api", "", "api.keda.svc op.keda.svc.corp.example"},
		"an address": {
			[]*appsv1.Deployment{metricsAPIServer("--metrics-service-address=[fd00::1]:9666")}, "api", "", "api.keda.svc fd00::1"},
		"an authority overrides the address": {
			[]*appsv1.Deployment{metricsAPIServer("--metrics-service-address=op:9666", "--metrics-service-grpc-authority=mesh.example")}, "api", "", "api.keda.svc mesh.example"},
		"an empty authority does not": {
			[]*appsv1.Deployment{metricsAPIServer("--metrics-service-address=op:9666", "--metrics-service-grpc-authority=")}, "api", "", "api.keda.svc op"},
		"the namespace as a variable": {
			[]*appsv1.Deployment{dialing([]corev1.EnvVar{podNamespace}, "--metrics-service-address=op.$(POD_NAMESPACE).svc:9666")}, "api", "", "api.keda.svc op.keda.svc"},
		"a literal variable, the last of its name": {
			[]*appsv1.Deployment{dialing([]corev1.EnvVar{{Name: "H", Value: "old"}, {Name: "H", Value: "new"}}, "--metrics-service-address=$(H):9666")}, "api", "", "api.keda.svc new"},
		"a variable out of a Secret demands nothing": {
			[]*appsv1.Deployment{dialing([]corev1.EnvVar{{Name: "H", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "h"}}}}, "--metrics-service-address=$(H):9666")}, "api", "", "api.keda.svc"},
		"Services named by variables that are not known": {
			[]*appsv1.Deployment{operator("--operator-service-name=$(O)", "--webhooks-service-name=$(W)"), admissionWebhooks()}, "", "", ""},
		"an operator that a shell starts": {
			[]*appsv1.Deployment{deployment("keda-operator", nil, image("keda", "keda:2.17.2", "sh", "-c", "/keda"))}, "", "", ""},
		"a variable that is not known demands nothing": {
			[]*appsv1.Deployment{metricsAPIServer("--metrics-service-address=$(HOST):9666")}, "api", "", "api.keda.svc"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := mustInstall(t, tc.deployments...)
			if tc.api != "" {
				i.APIService = apiServiceOf("keda", tc.api)
			}
			if tc.vwc != "" {
				i.ValidatingWebhook = validatingWebhookOf("keda", tc.vwc, tc.vwc)
			}
			if got := strings.Join(i.ServiceNames(), " "); got != tc.want {
				t.Errorf("names %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTheValidatingWebhookIsCalledAsTheOperatorIsTold(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deployments []*appsv1.Deployment
		want        string
	}{
		"no operator in sight":                {nil, KEDAValidatingWebhook},
		"an operator that is told nothing":    {[]*appsv1.Deployment{operator()}, KEDAValidatingWebhook},
		"one that is told a name":             {[]*appsv1.Deployment{operator("--validating-webhook-name=acme-admission")}, "acme-admission"},
		"two names, of which the last counts": {[]*appsv1.Deployment{operator("--validating-webhook-name", "a", "--validating-webhook-name=b")}, "b"},
		"a variable that is not known":        {[]*appsv1.Deployment{operator("--validating-webhook-name=$(NAME)")}, KEDAValidatingWebhook},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mustInstall(t, tc.deployments...).ValidatingWebhookName(); got != tc.want {
				t.Errorf("name %q, want %q", got, tc.want)
			}
		})
	}
}

func TestServersAreWhereACertificateIsServed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deployments []*appsv1.Deployment
		want        []Server
	}{
		"release manifests": {
			[]*appsv1.Deployment{operator(), metricsAPIServer(), admissionWebhooks()},
			[]Server{
				{ComponentAdmissionWebhooks, "hook", 9443, "hook.keda.svc"},
				{ComponentMetricsAPIServer, "api", 6443, "api.keda.svc"},
				{ComponentOperator, "keda-operator", 9666, "keda-operator.keda.svc.cluster.local"},
			},
		},
		"ports of their own": {
			[]*appsv1.Deployment{operator("--metrics-service-bind-address=:9777"), metricsAPIServer("--secure-port=7443", "--metrics-service-address=op.keda.svc:9777"), admissionWebhooks("--port", "10250")},
			[]Server{
				{ComponentAdmissionWebhooks, "hook", 10250, "hook.keda.svc"},
				{ComponentMetricsAPIServer, "api", 7443, "api.keda.svc"},
				{ComponentOperator, "op", 9777, "op.keda.svc"},
			},
		},
		"an authority is a name, and no address": {
			[]*appsv1.Deployment{operator(), metricsAPIServer("--metrics-service-address=dns:///op.keda.svc:9777", "--metrics-service-grpc-authority=mesh.example")},
			[]Server{{ComponentMetricsAPIServer, "api", 6443, "api.keda.svc"}, {ComponentOperator, "op", 9666, "mesh.example"}},
		},
		"an authority beside the usual address": {
			[]*appsv1.Deployment{operator(), metricsAPIServer("--metrics-service-grpc-authority=mesh.example")},
			[]Server{{ComponentMetricsAPIServer, "api", 6443, "api.keda.svc"}, {ComponentOperator, "keda-operator", 9666, "mesh.example"}},
		},
		"an authority that is not known": {
			[]*appsv1.Deployment{operator(), metricsAPIServer("--metrics-service-grpc-authority=$(MESH)")},
			[]Server{{ComponentMetricsAPIServer, "api", 6443, "api.keda.svc"}},
		},
		"a component that is not there serves nothing": {
			[]*appsv1.Deployment{metricsAPIServer("--secure-port=none")},
			[]Server{{ComponentMetricsAPIServer, "api", 6443, "api.keda.svc"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			installation := mustInstall(t, c.deployments...)
			installation.APIService, installation.ValidatingWebhook = apiServiceOf("keda", "api"), validatingWebhookOf("keda", "hook")
			if got := installation.Servers(); !slices.Equal(got, c.want) {
				t.Errorf("servers %+v, want %+v", got, c.want)
			}
		})
	}
}
