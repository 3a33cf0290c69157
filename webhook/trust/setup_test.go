package trust

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("a running manager", func() {
	It("follows the label, a source and what somebody deletes", func(ctx context.Context) {
		first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/corp"})
		k.label(ctx, "")
		runManager(config, ctrl.Options{}, k.namespace)

		k.label(ctx, "enabled")
		k.put(ctx, "ConfigMap", "corp", bundle(first))
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first)))
		k.put(ctx, "ConfigMap", "corp", bundle(second))
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(second)))
		Expect(direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.StateConfigMap}})).To(Succeed())
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(second)))
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElements(
			HavePrefix("Namespace Published"), HavePrefix("Namespace CustomCAAdded"), HavePrefix("Namespace CustomCARemoved")))
	})

	It("follows KEDA's operator, but not its status", func(ctx context.Context) {
		k := newKEDA(ctx, nil)
		k.operator(ctx, "--enable-cert-rotation=true")
		runManager(config, ctrl.Options{}, k.namespace)
		issues := func() bool { state := k.state(ctx); return state != nil && state.KEDAIssues }
		Eventually(issues, patience).Should(BeTrue())
		operator := k.operatorOf(ctx)
		operator.Spec.Template.Spec.Containers[0].Args = []string{"--enable-cert-rotation=false"}
		Expect(direct.Update(ctx, operator)).To(Succeed())
		Eventually(issues, patience).Should(BeFalse())

		before := settledReconciles()
		operator.Status.ObservedGeneration = operator.Generation
		Expect(direct.Status().Update(ctx, operator)).To(Succeed())
		Consistently(reconciles, time.Second).Should(Equal(before))
	})

	It("serves every other namespace while the Role of one is missing, and that one once it is there", func(ctx context.Context) {
		ca := certtest.NewCA(GinkgoTB(), "Corp")
		annotations := map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/corp"}
		granted, missing := newKEDA(ctx, annotations), newKEDA(ctx, annotations)
		user, err := environment.AddUser(envtest.User{Name: "leader-of-" + granted.namespace}, nil)
		Expect(err).NotTo(HaveOccurred())
		granted.allowEverything(ctx, "leader-of-"+granted.namespace)
		watchClusterScoped(ctx, "leader-of-"+granted.namespace)
		// A cache that does not sync must not end the process, which this would.
		runManager(user.Config(), ctrl.Options{Controller: ctrlconfig.Controller{CacheSyncTimeout: 2 * time.Second}}, granted.namespace, missing.namespace)

		granted.put(ctx, "ConfigMap", "corp", bundle(ca))
		missing.put(ctx, "ConfigMap", "corp", bundle(ca))
		Eventually(granted.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(ca)))
		Consistently(missing.customCAs, 3*time.Second).WithContext(ctx).Should(BeEmpty())
		missing.allowEverything(ctx, "leader-of-"+granted.namespace)
		Eventually(missing.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(ca)))
	})
})

var _ = Describe("the reader that admission shares", func() {
	It("arrives at the leader's state, with the Deployment that is just coming in", func(ctx context.Context) {
		ca := certtest.NewCA(GinkgoTB(), "Ours")
		k := newKEDA(ctx, nil)
		reader := Reader{Live: direct}
		resolution, err := reader.Resolve(ctx, k.namespace, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(resolution.State).To(BeNil(), "nothing tells who issues the certificate")

		k.put(ctx, "Secret", injector.KEDACertSecret, certificateFrom(ca, k.namespace))
		k.operator(ctx, "--enable-cert-rotation=true")
		incoming := &appsv1.Deployment{}
		key := client.ObjectKey{Namespace: k.namespace, Name: "keda-operator"}
		Expect(direct.Get(ctx, key, incoming)).To(Succeed())
		Expect(direct.Delete(ctx, incoming)).To(Succeed())
		resolution, err = reader.Resolve(ctx, k.namespace, incoming)
		Expect(err).NotTo(HaveOccurred())
		Expect(resolution.State).NotTo(BeNil())

		k.operator(ctx, "--enable-cert-rotation=true")
		k.reconcile(ctx)
		Expect(k.state(ctx)).To(Equal(resolution.State))
	})
})
