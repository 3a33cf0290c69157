package injector

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func TestResolveSwitchesAllComponentsOrNone(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "Corp")
	contents := Contents{mine: {Data: tlsData(ca.Leaf(t, certtest.KEDANames("keda")), ca.CertPEM)}}
	resolve := func(t *testing.T, o Options, changed *appsv1.Deployment) Resolution {
		return Resolve(ResolveInput{
			Options: o, Contents: contents, Now: certtest.Now,
			Installation: mustInstall(t, operatorWith(), withSecret(metricsAPIServer(), KEDACertSecret, DefaultCertDir), changed),
		})
	}
	provided, issued := Options{Certificate: &mine}, Options{KEDAIssues: true}
	inTheWay := func() *appsv1.Deployment { return withSecret(admissionWebhooks(), "theirs", DefaultCertDir+"/extra") }

	t.Run("all can be given it", func(t *testing.T) {
		wantState(t, resolve(t, provided, withSecret(admissionWebhooks(), KEDACertSecret, DefaultCertDir)))
	})
	t.Run("one has something else in the way", func(t *testing.T) {
		wantRefused(t, resolve(t, provided, inTheWay()), ReasonMountConflict, "Deployment keda/keda-admission", "/certs/extra")
	})
	t.Run("one is started by a shell", func(t *testing.T) {
		d := admissionWebhooks()
		d.Spec.Template.Spec.Containers[0].Command = []string{"/bin/sh", "-c", "/keda-admission-webhooks"}
		d.Annotations = map[string]string{AnnotationComponent: string(ComponentAdmissionWebhooks)}
		wantRefused(t, resolve(t, provided, d), ReasonCommandUnknown, "Deployment keda/keda-admission")
	})
	t.Run("one that cannot was opted out", func(t *testing.T) {
		d := inTheWay()
		d.Labels = map[string]string{LabelInject: string(ModeDisabled)}
		wantState(t, resolve(t, provided, d))
	})
	t.Run("KEDA issues, so the one that cannot has the same as installed", func(t *testing.T) {
		wantState(t, resolve(t, issued, inTheWay()))
	})
}
