package trust

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

func certificateFrom(ca certtest.CA, namespace string) map[string][]byte {
	leaf := ca.Leaf(GinkgoTB(), certtest.KEDANames(namespace))
	return map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM}
}

func bundle(cas ...certtest.CA) map[string][]byte {
	var pem []byte
	for _, ca := range cas {
		pem = append(pem, ca.CertPEM...)
	}
	return map[string][]byte{"ca.crt": pem}
}

var _ = Describe("a namespace with a certificate and custom CAs", func() {
	var (
		k        *keda
		ca, corp certtest.CA
	)
	BeforeEach(func(ctx context.Context) {
		ca, corp = certtest.NewCA(GinkgoTB(), "Ours"), certtest.NewCA(GinkgoTB(), "Corp")
		k = newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "secret/my-tls", injector.AnnotationCustomCA: "configmap/corp"})
		k.operator(ctx, "--enable-cert-rotation=true")
		k.put(ctx, "Secret", "my-tls", certificateFrom(ca, k.namespace))
		k.put(ctx, "ConfigMap", "corp", bundle(corp))
	})

	It("is published once, and told", func(ctx context.Context) {
		k.reconcile(ctx)
		state := k.state(ctx)
		Expect(state.CertificateSecret).To(Equal(injector.PublishedSecret))
		Expect(state.CABundle).To(Equal(ca.CertPEM))
		Expect(k.published(ctx)).To(HaveLen(3))
		told := k.told()
		Expect(told).To(ContainElement(And(ContainSubstring("Normal Published state "+state.ID), HaveSuffix(", 1 custom CA in ConfigMap "+state.CustomCAConfigMap))))
		Expect(told).To(ContainElement(ContainSubstring("Normal CustomCAAdded " + injector.Describe(corp.Cert))))

		before := k.published(ctx)
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(Equal(before), "nothing differs, so nothing is written")
		Expect(k.told()).To(BeEmpty())
		k.restart()
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(Equal(before), "nor by another leader")
	})

	It("keeps the last state while a source is broken, and follows its repair", func(ctx context.Context) {
		k.reconcile(ctx)
		before := k.published(ctx)
		k.told()
		k.put(ctx, "Secret", "my-tls", map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("y"), "ca.crt": ca.CertPEM})
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(Equal(before))
		Expect(k.told()).To(ContainElement(HavePrefix("Warning LeafInvalid")))
		k.reconcile(ctx)
		Expect(k.told()).To(BeEmpty(), "what has not changed is not told again")
		var logged []string
		k.reconcile(logr.NewContext(ctx, funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{})))
		Expect(logged).To(ContainElement(And(ContainSubstring(`"Refused, so what is published of it stays"`), ContainSubstring(`"reason"="LeafInvalid"`))), "but logged")

		next := certtest.NewCA(GinkgoTB(), "Next")
		k.put(ctx, "Secret", "my-tls", certificateFrom(next, k.namespace))
		k.converge(ctx)
		Expect(k.state(ctx).CABundle).To(Equal(next.CertPEM))
		Expect(k.told()).To(ContainElement(HavePrefix("Normal Published")))
	})

	It("gives other custom CAs another name, and prunes those that no ReplicaSet names", func(ctx context.Context) {
		k.reconcile(ctx)
		first := k.state(ctx).CustomCAConfigMap
		replicaSet := k.replicaSetNaming(ctx, first)
		k.told()
		other := certtest.NewCA(GinkgoTB(), "Other")
		k.put(ctx, "ConfigMap", "corp", bundle(other))
		k.reconcile(ctx)
		second := k.state(ctx).CustomCAConfigMap
		Expect(second).NotTo(Equal(first))
		told := k.told()
		Expect(told).To(ContainElement("Normal CustomCAAdded " + injector.Describe(other.Cert)))
		Expect(told).To(ContainElement("Normal CustomCARemoved " + injector.Describe(corp.Cert)))

		k.ahead = 2 * pruneAfter
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(HaveKey("ConfigMap "+first), "a ReplicaSet names it")
		Expect(direct.Delete(ctx, replicaSet)).To(Succeed())
		k.ahead = 0
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(HaveKey("ConfigMap "+first), "an admission under way may name it")
		k.ahead = 2 * pruneAfter
		k.reconcile(ctx)
		Expect(k.published(ctx)).NotTo(HaveKey("ConfigMap " + first))
		Expect(k.published(ctx)).To(HaveKey("ConfigMap " + second))
	})

	It("heals what somebody deleted", func(ctx context.Context) {
		k.reconcile(ctx)
		secret := &corev1.Secret{}
		Expect(direct.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: injector.PublishedSecret}, secret)).To(Succeed())
		Expect(direct.Delete(ctx, secret)).To(Succeed())
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(HaveKey("Secret " + injector.PublishedSecret))
	})

	It("does not touch a Secret of somebody else's", func(ctx context.Context) {
		k.put(ctx, "Secret", injector.PublishedSecret, map[string][]byte{"theirs": []byte("x")})
		k.reconcile(ctx)
		Expect(k.state(ctx)).To(BeNil())
		Expect(k.told()).To(ContainElement(And(HavePrefix("Warning NameTaken"), ContainSubstring("is not keda-trust's"))))
	})

	It("publishes nothing in audit, and says what it would", func(ctx context.Context) {
		k.label(ctx, "audit")
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(BeEmpty())
		Expect(k.told()).To(ContainElement(And(HavePrefix("Normal Audit"), ContainSubstring("would publish state"))))
	})

	It("takes the state back when disabled, and nothing that pods mount", func(ctx context.Context) {
		k.reconcile(ctx)
		state, mounted := k.state(ctx), k.publishedSecret(ctx)
		k.told()
		k.label(ctx, "disabled")
		k.reconcile(ctx)
		k.reconcile(ctx)
		Expect(k.told()).To(BeEmpty())
		Expect(k.state(ctx)).To(BeNil())
		Expect(k.publishedSecret(ctx)).To(Equal(mounted))
		Expect(k.client.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: state.CustomCAConfigMap}, &corev1.ConfigMap{})).To(Succeed())
		k.label(ctx, "enabled")
		k.reconcile(ctx)
		Expect(k.state(ctx)).To(Equal(state))
	})

	It("keeps everything when released, and tells that once", func(ctx context.Context) {
		k.reconcile(ctx)
		state := k.state(ctx)
		k.told()
		k.put(ctx, "ConfigMap", "corp", bundle(ca))
		k.label(ctx, "")
		k.reconcile(ctx)
		Expect(k.told()).To(ConsistOf(HavePrefix("Normal Released")))
		k.restart()
		k.reconcile(ctx)
		Expect(k.told()).To(BeEmpty())
		Expect(k.state(ctx)).To(Equal(state))
	})

	It("is told where it was not granted", func(ctx context.Context) {
		k.restart("elsewhere")
		k.reconcile(ctx)
		Expect(k.told()).To(ConsistOf(And(HavePrefix("Warning NamespaceNotGranted"), ContainSubstring("kedaNamespaces"))))
		Expect(k.published(ctx)).To(BeEmpty())
	})

	It("is told where a right is missing", func(ctx context.Context) {
		weak := rest.CopyConfig(config)
		weak.Impersonate.UserName = "somebody-in-" + k.namespace
		grant(ctx, weak.Impersonate.UserName, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}})
		live := clientOf(weak)
		recorder := events.NewFakeRecorder(10)
		r := NewReconciler(live, live, recorder, Options{Namespaces: []string{k.namespace}})
		_, err := r.Reconcile(ctx, watch.Request(k.namespace))
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		Expect(recorder.Events).To(Receive(And(HavePrefix("Warning NamespaceNotGranted"), ContainSubstring("deployments"))))
	})

	It("is looked at again when the certificate ends", func(ctx context.Context) {
		leaf := ca.Leaf(GinkgoTB(), certtest.KEDANames(k.namespace), certtest.Between(time.Now().Add(-time.Hour), time.Now().Add(time.Minute)))
		k.put(ctx, "Secret", "my-tls", map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM})
		Expect(k.reconcile(ctx).RequeueAfter).To(BeNumerically("~", time.Minute, 5*time.Second))
	})
})

var _ = Describe("a namespace whose sources are not there", func() {
	It("leaves KEDA as the issuer, and takes its CA once there is one", func(ctx context.Context) {
		k := newKEDA(ctx, nil)
		k.operator(ctx, "--enable-cert-rotation=true")
		k.reconcile(ctx)
		Expect(k.state(ctx).KEDAIssues).To(BeTrue())
		Expect(k.state(ctx).CABundle).To(BeEmpty())
		ca := certtest.NewCA(GinkgoTB(), "KEDA")
		k.put(ctx, "Secret", injector.KEDACertSecret, certificateFrom(ca, k.namespace))
		k.reconcile(ctx)
		Expect(k.state(ctx).CABundle).To(Equal(ca.CertPEM))
		Expect(k.published(ctx)).NotTo(HaveKey("Secret " + injector.PublishedSecret))
	})

	DescribeTable("says what is missing", func(ctx context.Context, annotation, value, want string) {
		k := newKEDA(ctx, map[string]string{annotation: value})
		k.operator(ctx, "--enable-cert-rotation=true")
		k.reconcile(ctx)
		Expect(k.published(ctx)).To(BeEmpty())
		Expect(k.told()).To(ContainElement(And(HavePrefix("Warning SourceMissing"), ContainSubstring(want))))
	},
		Entry("no cert-manager", injector.AnnotationCertificate, "certificate/my-tls", "not served by this cluster"),
		Entry("no ClusterTrustBundle", injector.AnnotationCustomCA, "clustertrustbundle/corp", "ClusterTrustBundle corp"),
		Entry("no Secret", injector.AnnotationCertificate, "secret/my-tls", "my-tls: not found"),
		Entry("no ConfigMap", injector.AnnotationCustomCA, "configmap/corp", "corp: not found"),
	)
})
