package injector

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The API server refuses a mount without its volume, so a sidecar that shares a
// volume of ours must not keep its mount when the volume goes.
func TestWithAVolumeGoAllItsMounts(t *testing.T) {
	inject := func(document []byte, state *State) []byte {
		return patched(t, document, Inject(Request{Object: document, Mode: ModeEnabled, State: state}).Patch)
	}
	encode := func(d *appsv1.Deployment) []byte {
		document, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	decode := func(document []byte) *appsv1.Deployment {
		d := &appsv1.Deployment{}
		if err := json.Unmarshal(document, d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := operatorWith()
	d.APIVersion, d.Kind = "apps/v1", "Deployment"
	d = decode(inject(encode(d), publishedState(t)))
	if volumeIndex(d.Spec.Template.Spec.Volumes, VolumeCustomCA) < 0 {
		t.Fatal("no custom CAs were injected")
	}
	shared := []corev1.VolumeMount{{Name: VolumeCustomCA, MountPath: "/roots"}}
	d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "init", VolumeMounts: shared}}
	d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "sidecar", VolumeMounts: shared})

	without := *publishedState(t)
	without.CustomCAConfigMap, without.CustomCADir = "", ""
	spec := decode(inject(encode(d), &without)).Spec.Template.Spec
	if volumeIndex(spec.Volumes, VolumeCustomCA) >= 0 {
		t.Error("the volume is still there")
	}
	if left := append(mountsOf(spec.Containers, VolumeCustomCA), mountsOf(spec.InitContainers, VolumeCustomCA)...); len(left) > 0 {
		t.Errorf("mounts without their volume: %v", left)
	}
}
