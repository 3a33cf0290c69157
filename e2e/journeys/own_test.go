package journeys

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// kedaSecret is where KEDA's operator puts what it issues.
const kedaSecret = "kedaorg-certs"

var _ = Describe("Who leaves certificates to KEDA", func() {
	It("has them mounted everywhere without the CA's key, and KEDA goes on rotating them", func(ctx SpecContext) {
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		label(ctx, injector.ModeEnabled)
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx)
		for _, pod := range podsIn(ctx, kedaNamespace) {
			Expect(pod.Spec.Volumes).To(ContainElement(HaveField("Name", injector.VolumeCertificates)), pod.Name)
			Expect(mountedKeys(pod)).To(ConsistOf("tls.crt", "tls.key", "ca.crt"), pod.Name)
		}

		By("having KEDA issue anew, with a new CA")
		first := kedaCA(ctx)
		Expect(on.Pods.CoreV1().Secrets(kedaNamespace).Delete(ctx, kedaSecret, metav1.DeleteOptions{})).To(Succeed())
		restart(ctx, kedaNamespace, local.OperatorDeployment) // which is when it looks
		Eventually(kedaCA).WithArguments(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).ShouldNot(Or(BeEmpty(), Equal(first)))
		trustComesBack(ctx)
		Expect(externalMetrics(ctx).Spec.CABundle).To(ContainSubstring(kedaCA(ctx)))

		By("watching whether anybody fights")
		Expect(writesFor(ctx, 30*time.Second)).To(BeEmpty())
	}, SpecTimeout(15*time.Minute))
})

// mountedKeys are the keys of KEDA's Secret that a pod's containers see.
func mountedKeys(pod corev1.Pod) []string {
	seen := map[string]bool{}
	for _, container := range pod.Spec.Containers {
		for _, mount := range container.VolumeMounts {
			seen[mount.Name] = true
		}
	}
	var keys []string
	for _, volume := range pod.Spec.Volumes {
		if !seen[volume.Name] {
			continue
		}
		switch {
		case volume.Secret != nil && volume.Secret.SecretName == kedaSecret && volume.Secret.Items == nil:
			keys = append(keys, "all of "+kedaSecret)
		case volume.Secret != nil && volume.Secret.SecretName == kedaSecret:
			for _, item := range volume.Secret.Items {
				keys = append(keys, item.Key)
			}
		case volume.Projected != nil:
			for _, source := range volume.Projected.Sources {
				if source.Secret != nil && source.Secret.Name == kedaSecret {
					for _, item := range source.Secret.Items {
						keys = append(keys, item.Key)
					}
				}
			}
		}
	}
	return keys
}

// kedaCA is the CA that KEDA has made for itself, PEM, empty before it has.
func kedaCA(ctx context.Context) string {
	secret, err := on.Pods.CoreV1().Secrets(kedaNamespace).Get(ctx, kedaSecret, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return string(secret.Data["ca.crt"])
}

// trustComesBack waits longer than trustHolds: pods read a Secret again when their
// kubelet has, after a minute or two.
func trustComesBack(ctx context.Context) {
	GinkgoHelper()
	Eventually(func() error {
		_, err := on.Trust(ctx, "check", "-n", kedaNamespace)
		return err
	}).WithContext(ctx).WithTimeout(4 * time.Minute).WithPolling(2 * time.Second).Should(Succeed())
}
