package manifests_test

import (
	"reflect"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// A field that a later Kubernetes adds is compared, or it is said here why not.
func TestThePolicyOnNudgesComparesEveryFieldThatAdmissionLeavesAlone(t *testing.T) {
	policy := one[*admissionregistrationv1.ValidatingAdmissionPolicy](t, "", "keda-trust-nudges")
	var text strings.Builder
	for _, validation := range policy.Spec.Validations {
		text.WriteString(strings.Join(strings.Fields(validation.Expression), " ") + "\n")
	}
	for _, c := range []struct {
		of       any
		now, was string
		apart    string
	}{
		{appsv1.DeploymentSpec{}, "object.spec.", "oldObject.spec.", "template"},
		{corev1.PodTemplateSpec{}, "object.spec.template.", "oldObject.spec.template.", "spec"},
		{corev1.PodSpec{}, "variables.pod.", "variables.was.", "containers volumes"},
		{corev1.Container{}, "c.", "o.", "name command args env volumeMounts"},
		{apiregistrationv1.APIServiceSpec{}, "object.spec.", "oldObject.spec.", "caBundle insecureSkipTLSVerify"},
	} {
		apart := strings.Fields(c.apart)
		for _, field := range fieldsOf(reflect.TypeOf(c.of)) {
			compared := strings.Contains(text.String(), c.now+"?"+field+" == "+c.was+"?"+field)
			switch left := strings.Contains(" "+strings.Join(apart, " ")+" ", " "+field+" "); {
			case compared && left:
				t.Errorf("%T: %s is compared, and expected not to be", c.of, field)
			case !compared && !left:
				t.Errorf("%T: %s is not compared", c.of, field)
			}
		}
	}
}

func fieldsOf(structure reflect.Type) []string {
	var fields []string
	for i := range structure.NumField() {
		name, _, _ := strings.Cut(structure.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	return fields
}
