package injector

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// running is an installation of one component, as it stands.
func running(component Component, image string, args []string, mounts []corev1.VolumeMount, volumes ...corev1.Volume) Installation {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "keda"}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "sidecar", Image: "proxy"}, {Name: "keda", Image: image, Args: args, VolumeMounts: mounts}}
	d.Spec.Template.Spec.Volumes = volumes
	return Installation{Namespace: "keda", Deployments: map[Component]*appsv1.Deployment{component: d}}
}

func secretVolume(name, secret string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}
}

func TestServingAndPeerCertificatesCanBeMountedApart(t *testing.T) {
	t.Parallel()
	i := running(ComponentMetricsAPIServer, "keda-metrics-apiserver:2.21.0",
		[]string{"--cert-dir=/peer", "--tls-cert-file=/https/tls.crt"},
		[]corev1.VolumeMount{{Name: "a", MountPath: "/https/"}, {Name: "b", MountPath: "/peer"}, {Name: "c", MountPath: "/other"}},
		secretVolume("a", "https"), secretVolume("b", "peer"), secretVolume("c", "other"))
	for what, c := range map[string]struct {
		got  []Mounted
		want string
	}{"serving": {i.ServingMounts(ComponentMetricsAPIServer), "https"}, "peer": {i.PeerMounts(ComponentMetricsAPIServer), "peer"}} {
		if len(c.got) != 1 || c.got[0].Source.Name != c.want {
			t.Errorf("%s: sees %v, want Secret %s", what, c.got, c.want)
		}
	}
	if got := i.ServingMounts(ComponentOperator); got != nil {
		t.Errorf("a component that is not there sees %v", got)
	}
}

func TestCustomCAsAreWhatKEDASeesInItsDirectories(t *testing.T) {
	t.Parallel()
	optional := true
	projected := corev1.Volume{Name: "p", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "roots"}, Items: []corev1.KeyToPath{{Key: "k", Path: "a.crt"}}, Optional: &optional}},
		{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "more"}}},
	}}}}
	i := running(ComponentOperator, "keda:2.21.0", []string{"--ca-dir=/custom/ca", "--ca-dir", "/roots/"},
		[]corev1.VolumeMount{
			{Name: "p", MountPath: "/roots"}, {Name: "s", MountPath: "/custom/ca/one.pem", SubPath: "ca.crt"},
			{Name: "h", MountPath: "/custom/ca"}, {Name: "s", MountPath: "/custom/ca/dir"}, {Name: "gone", MountPath: "/roots"},
		},
		projected, secretVolume("s", "single"), corev1.Volume{Name: "h", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/ca"}}})
	dirs, mounted := i.CustomCAs()
	if want := []string{"/custom/ca", "/roots"}; !reflect.DeepEqual(dirs, want) {
		t.Errorf("reads %v, want %v", dirs, want)
	}
	want := []Mounted{
		{Source: Source{Kind: SourceSecret, Name: "single"}, Volume: "s", Keys: map[string]string{"one.pem": "ca.crt"}},
		{Volume: "h"},
		{Source: Source{Kind: SourceConfigMap, Name: "roots"}, Volume: "p", Keys: map[string]string{"a.crt": "k"}, Optional: true},
		{Source: Source{Kind: SourceSecret, Name: "more"}, Volume: "p"},
	}
	if !reflect.DeepEqual(mounted, want) {
		t.Errorf("sees %+v, want %+v", mounted, want)
	}
	if m, key, found := MountedFile(mounted, "a.crt"); !found || m.Source.Name != "more" || key != "a.crt" {
		t.Errorf("a.crt is key %q of %v, want that of the last that has it", key, m)
	}
	if dirs, _ := running(ComponentOperator, "keda:2.21.0", nil, nil).CustomCAs(); !reflect.DeepEqual(dirs, []string{DefaultCustomCADir}) {
		t.Errorf("reads %v without a flag, want the default", dirs)
	}
}

func TestPeersWantTLS13AsTheyAreTold(t *testing.T) {
	t.Parallel()
	for story, c := range map[string]struct {
		image, value string
		want         bool
	}{
		"always before 2.20":      {"keda-metrics-apiserver:2.19.0", "", true},
		"not by themselves since": {"keda-metrics-apiserver:2.20.0", "", false},
		"where they are told so":  {"keda-metrics-apiserver:2.21.0", "TLS13", true},
		"not where they are told": {"keda-metrics-apiserver:2.21.0", "TLS12", false},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			i := running(ComponentMetricsAPIServer, c.image, nil, nil)
			if c.value != "" {
				i.Deployments[ComponentMetricsAPIServer].Spec.Template.Spec.Containers[1].Env = []corev1.EnvVar{{Name: envServiceMinTLS, Value: c.value}}
			}
			if got := i.PeersWantTLS13(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheCertificateInUseIsWhatAllAvailablePodsMount(t *testing.T) {
	t.Parallel()
	mounting := func(secret string, available int32, change ...func(*corev1.Volume)) *appsv1.Deployment {
		v := corev1.Volume{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}
		for _, c := range change {
			c(&v)
		}
		d := operatorWith()
		d.Spec.Template.Spec.Volumes = []corev1.Volume{v}
		d.Spec.Template.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "certificates", MountPath: DefaultCertDir}}
		d.Status.AvailableReplicas = available
		return d
	}
	renamed := func(v *corev1.Volume) { v.Secret.Items = []corev1.KeyToPath{{Key: "cert", Path: "tls.crt"}} }
	for name, c := range map[string]struct {
		operator, webhooks *appsv1.Deployment
		want               string
	}{
		"one Secret":                {mounting("a", 1), mounting("a", 2), "a"},
		"another where nobody runs": {mounting("a", 1), mounting("b", 0), "a"},
		"another that opted out":    {mounting("a", 1), labelled(mounting("b", 1)), "a"},
		"nobody runs":               {mounting("a", 0), mounting("a", 0), ""},
		"two Secrets":               {mounting("a", 1), mounting("b", 1), ""},
		"files of other keys":       {mounting("a", 1, renamed), nil, ""},
		"one that mounts nothing":   {mounting("a", 1), available(operator()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := Installation{Namespace: "keda", Deployments: map[Component]*appsv1.Deployment{ComponentOperator: c.operator}}
			if c.webhooks != nil {
				c.webhooks.Annotations = map[string]string{AnnotationComponent: string(ComponentAdmissionWebhooks)}
				i.Deployments[ComponentAdmissionWebhooks] = c.webhooks
			}
			if got := i.CertificateInUse(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func available(d *appsv1.Deployment) *appsv1.Deployment {
	d.Status.AvailableReplicas = 1
	return d
}

func labelled(d *appsv1.Deployment) *appsv1.Deployment {
	d.Labels = map[string]string{LabelInject: string(ModeDisabled)}
	return d
}
