package check

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var update = flag.Bool("update", false, "write goldens anew")

var digests = regexp.MustCompile(`"sha256": "[0-9a-f]{64}"`)

// expectGolden holds JSON against a file, but for digests of keys that are new in
// each run, and what the API server says, sooner or later, of a pod that is not.
func expectGolden(report Answer, file string) {
	GinkgoHelper()
	report.Edges[0].Facts = nil
	text, err := json.MarshalIndent(report, "", "  ")
	Expect(err).NotTo(HaveOccurred())
	got := digests.ReplaceAllString(string(text), `"sha256": "…"`) + "\n"
	if *update {
		Expect(os.WriteFile(file, []byte(got), 0o600)).To(Succeed())
	}
	want, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(got).To(Equal(string(want)))
}

var _ = Describe("A KEDA whose certificate all verify", Serial, func() {
	It("holds on every edge, and says so in JSON that stays", func(ctx context.Context) {
		w := newWorld(ctx, "holding")
		report := w.check(ctx)
		Expect(report.Verdict).To(Equal(Holds))
		expectGolden(report, "testdata/holding.json")
	})

	It("is not known to hold where no way leads to its pods, whatever they mount", func(ctx context.Context) {
		w := newWorld(ctx, "unreached")
		w.blocked()
		report := w.check(ctx)
		Expect(report.Verdict).To(Equal(Unknown))
		for _, name := range []string{EdgeMetrics, EdgeWebhooks, EdgePeers} {
			Expect(problems(edge(report, name))).To(HaveEach(And(HaveField("Verdict", Unknown), HaveField("Reason", injector.ReasonNotReached), HaveField("Message", ContainSubstring("whether they serve what they mount")))))
		}
		for _, side := range edge(report, EdgePeers).Sides {
			Expect(side.Served).To(ContainElement(HaveField("Seen", SeenAsPublished)))
		}
		side := edge(report, EdgeMetrics).Sides[0]
		Expect(side.Served).To(ContainElement(And(HaveField("Seen", NotSeen), HaveField("Why", "not reached: connecting to 192.0.2.2:6443: no route to host"))))
		Expect(side.Verifies).To(BeFalse())
		Expect(side.Note).To(ContainSubstring("judged by what the pods mount"))
	})

	It("is looked at under the name of which its operator is told, which keda-trust does not write", func(ctx context.Context) {
		named := func(w *world) {
			w.vwc.Name = "acme-admission"
			container := &w.operator.Spec.Template.Spec.Containers[0]
			container.Args = append(container.Args, "--validating-webhook-name="+w.vwc.Name)
		}
		w := newWorld(ctx, "named", named)
		e := edge(w.check(ctx), EdgeWebhooks)
		Expect(e.Verdict).To(Equal(Holds))
		Expect(e.Sides).To(HaveEach(HaveField("Trusted.From", HavePrefix("ValidatingWebhookConfiguration acme-admission "))))

		w.vwc.Webhooks[0].ClientConfig.CABundle = nil
		Expect(direct.Update(ctx, w.vwc)).To(Succeed())
		publish(ctx, w, injector.State{CertificateSecret: "keda-tls", CABundle: w.ca.CertPEM})
		Expect(problems(edge(w.check(ctx), EdgeWebhooks))).To(ConsistOf(And(
			HaveField("Reason", injector.ReasonCAMissing), HaveField("Mend", ContainSubstring("yourself")))))
	})

	It("is looked at as far as the user may, and no further", func(ctx context.Context) {
		w := newWorld(ctx, "limited")
		as := limited(ctx, w.namespace)
		report := w.checkAs(ctx, as)
		Expect(edge(report, EdgeMetrics).Verdict).To(Equal(Holds), "what is served needs no Secret")
		Expect(reasons(edge(report, EdgePeers))).To(ConsistOf(injector.ReasonSourceForbidden, injector.ReasonSourceForbidden))
		Expect(report.Verdict).To(Equal(Unknown))

		state := injector.State{CertificateSecret: "keda-tls", CABundle: w.ca.CertPEM}
		publish(ctx, w, state)
		report = w.checkAs(ctx, as)
		Expect(edge(report, EdgePeers).Verdict).To(Equal(Holds), "the state tells the CA, and the metrics-apiserver serves what it shows")

		w.blocked()
		Expect(edge(w.checkAs(ctx, as), EdgeMetrics).Verdict).To(Equal(Unknown))
	})

	It("ends soon where a tenth of a lifetime is left, which is no more than a warning", func(ctx context.Context) {
		w := newWorld(ctx, "ending", func(w *world) {
			w.serve(metricsAt, w.config(w.ca.Leaf(GinkgoTB(), certtest.KEDANames("ending"), certtest.Between(w.now.Add(-92*time.Hour), w.now.Add(8*time.Hour)))))
		})
		report := w.check(ctx)
		Expect(edge(report, EdgeMetrics).Verdict).To(Equal(Warning))
		Expect(problems(edge(report, EdgeMetrics))).To(ContainElement(HaveField("Reason", injector.ReasonEndsSoon)))
		Expect(edge(report, EdgeMetrics).Sides[0].Ends).To(Equal(w.now.Add(8 * time.Hour)))
		Expect(report.Verdict).To(Equal(Warning))
	})
})

var _ = Describe("A Namespace without KEDA", Serial, func() {
	It("cannot be looked at", func(ctx context.Context) {
		w := newWorld(ctx, "elsewhere")
		_, err := Looker{Live: direct, Ways: []Way{w.way}}.Check(ctx, "default")
		Expect(err).To(MatchError(ContainSubstring("looking for KEDA in Namespace default: there is none")))
	})
})

// fault is how an edge is broken, before anything is created.
type fault func(*world)

func serving(at string, leaf func(*world) certtest.Pair) fault {
	return func(w *world) {
		c := w.config(leaf(w))
		if at == operatorAt {
			c = w.mutual(leaf(w), w.ca)
		}
		w.serve(at, c)
	}
}

func expired(w *world) certtest.Pair {
	return w.ca.Leaf(GinkgoTB(), certtest.KEDANames(w.namespace), certtest.Between(w.now.Add(-48*time.Hour), w.now.Add(-time.Hour)))
}

func early(w *world) certtest.Pair {
	return w.ca.Leaf(GinkgoTB(), certtest.KEDANames(w.namespace), certtest.Between(w.now.Add(time.Hour), w.now.Add(48*time.Hour)))
}

func misnamed(w *world) certtest.Pair { return w.ca.Leaf(GinkgoTB(), []string{"localhost"}) }

func foreign(w *world) certtest.Pair {
	return certtest.NewCA(GinkgoTB(), "Other").Leaf(GinkgoTB(), certtest.KEDANames(w.namespace))
}

func underOldCA(w *world) certtest.Pair {
	w.ca = certtest.NewCA(GinkgoTB(), "Old", certtest.Between(w.now.Add(-48*time.Hour), w.now.Add(-time.Hour)))
	w.api.Spec.CABundle, w.secret.Data["ca.crt"] = w.ca.CertPEM, w.ca.CertPEM
	for i := range w.vwc.Webhooks {
		w.vwc.Webhooks[i].ClientConfig.CABundle = w.ca.CertPEM
	}
	return w.ca.Leaf(GinkgoTB(), certtest.KEDANames(w.namespace))
}

func refusing(at string) fault { return func(w *world) { w.refuse(at) } }

func oldTLS(at string) fault {
	return func(w *world) {
		c := w.mutual(w.leaf, w.ca)
		if at != operatorAt {
			c = w.config(w.leaf)
		}
		c.MaxVersion = tls.VersionTLS12
		w.serve(at, c)
	}
}

var _ = DescribeTable("An edge that is broken", Serial, func(ctx context.Context, name string, f fault, want ...injector.Reason) {
	w := newWorld(ctx, "broken", f)
	report := w.check(ctx)
	e := edge(report, name)
	Expect(reasons(e)).To(ConsistOf(want))
	Expect(e.Verdict).To(Equal(Broken))
	Expect(report.Verdict).To(Equal(Broken))
	for _, p := range problems(e) {
		Expect(p.Message).NotTo(BeEmpty())
		Expect(p.Mend).NotTo(BeEmpty(), "%s", p.Reason)
		Expect(p.Message).NotTo(ContainSubstring("PRIVATE"))
	}
},
	Entry("metrics: expired", EdgeMetrics, serving(metricsAt, expired), injector.ReasonLeafExpired),
	Entry("metrics: not yet valid", EdgeMetrics, serving(metricsAt, early), injector.ReasonLeafNotYetValid),
	Entry("metrics: of another name", EdgeMetrics, serving(metricsAt, misnamed), injector.ReasonNamesMissing),
	Entry("metrics: of an unknown CA", EdgeMetrics, serving(metricsAt, foreign), injector.ReasonCAUnverified),
	Entry("metrics: of a CA that expired", EdgeMetrics, serving(metricsAt, underOldCA), injector.ReasonCAUnverified),
	Entry("metrics: nobody listens", EdgeMetrics, refusing(metricsAt), injector.ReasonConnectionRefused),
	Entry("metrics: not verified at all", EdgeMetrics, fault(func(w *world) {
		w.api.Spec.CABundle, w.api.Spec.InsecureSkipTLSVerify = nil, true
	}), injector.ReasonNotVerified),
	Entry("metrics: an empty caBundle", EdgeMetrics, fault(func(w *world) { w.api.Spec.CABundle = nil }), injector.ReasonCAMissing),
	Entry("metrics: an APIService of another Namespace", EdgeMetrics, fault(func(w *world) { w.api.Spec.Service.Namespace = "default" }), injector.ReasonObjectMissing),
	Entry("webhooks: expired", EdgeWebhooks, serving(webhooksAt, expired), injector.ReasonLeafExpired),
	Entry("webhooks: of another name", EdgeWebhooks, serving(webhooksAt, misnamed), injector.ReasonNamesMissing),
	Entry("webhooks: of an unknown CA", EdgeWebhooks, serving(webhooksAt, foreign), injector.ReasonCAUnverified),
	Entry("webhooks: nobody listens", EdgeWebhooks, refusing(webhooksAt), injector.ReasonConnectionRefused),
	Entry("webhooks: one of two with an empty caBundle", EdgeWebhooks, fault(func(w *world) { w.vwc.Webhooks[1].ClientConfig.CABundle = nil }), injector.ReasonCAMissing),
	Entry("peers: expired", EdgePeers, serving(operatorAt, expired), injector.ReasonLeafExpired),
	Entry("peers: of another name", EdgePeers, serving(operatorAt, misnamed), injector.ReasonNamesMissing),
	Entry("peers: of an unknown CA", EdgePeers, serving(operatorAt, foreign), injector.ReasonCAUnverified),
	Entry("peers: nobody listens", EdgePeers, refusing(operatorAt), injector.ReasonConnectionRefused),
	Entry("peers: TLS 1.2", EdgePeers, oldTLS(operatorAt), injector.ReasonTLSTooOld),
	Entry("peers: an operator that has read another CA", EdgePeers, fault(func(w *world) {
		w.serve(operatorAt, w.mutual(w.leaf, certtest.NewCA(GinkgoTB(), "Before")))
	}), injector.ReasonClientNotAccepted),
	Entry("peers: an operator that asks for no certificate", EdgePeers, fault(func(w *world) { w.serve(operatorAt, w.config(w.leaf)) }), injector.ReasonNotVerified),
	Entry("peers: a Secret without a CA", EdgePeers, fault(func(w *world) { delete(w.secret.Data, "ca.crt") }), injector.ReasonCAMissing, injector.ReasonCAMissing),
	Entry("peers: a Secret that does not exist", EdgePeers, fault(func(w *world) { w.secret.Name = "other" }), injector.ReasonSourceMissing, injector.ReasonSourceMissing),
	Entry("custom CAs: no certificate", EdgeCustomCAs, fault(func(w *world) { w.roots.Data = map[string]string{"corp.pem": "corp"} }), injector.ReasonCustomCAInvalid),
	Entry("custom CAs: a ConfigMap that does not exist", EdgeCustomCAs, fault(func(w *world) { w.roots.Name = "other" }), injector.ReasonSourceMissing),
)

var _ = Describe("TLS 1.2", Serial, func() {
	It("is enough for the API server, and for a metrics-apiserver that is told so", func(ctx context.Context) {
		w := newWorld(ctx, "older", oldTLS(metricsAt), oldTLS(operatorAt), func(w *world) {
			w.metrics.Spec.Template.Spec.Containers[0].Env[0].Value = "TLS12"
		})
		report := w.check(ctx)
		Expect(report.Verdict).To(Equal(Holds))
		Expect(edge(report, EdgeMetrics).Sides[0].Served[0].TLS).To(Equal("1.2"))
	})
})

var _ = Describe("Services without a ready endpoint", Serial, func() {
	It("break the edges to them, which are judged by what is mounted all the same", func(ctx context.Context) {
		w := newWorld(ctx, "nobody")
		Expect(direct.Delete(ctx, slice(w.namespace, "keda-metrics-apiserver"))).To(Succeed())
		e := edge(w.check(ctx), EdgeMetrics)
		Expect(reasons(e)).To(ConsistOf(injector.ReasonNoEndpoints))
		Expect(e.Sides[0].Served).To(ConsistOf(HaveField("Seen", SeenAsPublished)))
	})
})

var _ = Describe("Custom CAs", Serial, func() {
	It("are counted, and odd ones told", func(ctx context.Context) {
		w := newWorld(ctx, "odd", func(w *world) {
			old := certtest.NewCA(GinkgoTB(), "Old", certtest.Between(w.now.Add(-48*time.Hour), w.now.Add(-time.Hour)))
			w.roots.Data["more.pem"] = string(old.CertPEM) + string(w.leaf.CertPEM)
		})
		e := edge(w.check(ctx), EdgeCustomCAs)
		Expect(e.Verdict).To(Equal(Warning))
		Expect(e.Sides[0].Trusted.Certificates).To(HaveLen(3))
		Expect(problems(e)).To(ConsistOf(
			And(HaveField("Message", ContainSubstring("expired at")), HaveField("Object", "ConfigMap odd/corp data[more.pem]")),
			HaveField("Message", ContainSubstring("neither a CA nor self-signed"))))
	})

	It("end with the first that is not over yet", func(ctx context.Context) {
		w := newWorld(ctx, "over", func(w *world) {
			w.roots.Data["old.pem"] = string(certtest.NewCA(GinkgoTB(), "Old", certtest.Between(w.now.Add(-48*time.Hour), w.now.Add(-time.Hour))).CertPEM)
		})
		side := edge(w.check(ctx), EdgeCustomCAs).Sides[0]
		Expect(side.Verifies).To(BeTrue())
		Expect(side.Ends).To(Equal(w.corp.Cert.NotAfter.UTC()))
	})

	It("may stand beside what is none, as in a Secret of a certificate that is mounted whole", func(ctx context.Context) {
		w := newWorld(ctx, "whole", func(w *world) {
			w.customCA(corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: w.secret.Name}}})
		})
		e := edge(w.check(ctx), EdgeCustomCAs)
		Expect(e.Verdict).To(Equal(Warning))
		Expect(problems(e)).To(ContainElement(And(HaveField("Object", "Secret whole/keda-tls data[tls.key]"), HaveField("Verdict", Warning))))
	})

	DescribeTable("of a key that does not exist", func(ctx context.Context, optional bool, want Verdict) {
		w := newWorld(ctx, "keyless", func(w *world) {
			w.customCA(corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: w.roots.Name}, Optional: &optional,
				Items: []corev1.KeyToPath{{Key: "absent.pem", Path: "absent.pem"}},
			}})
		})
		Expect(edge(w.check(ctx), EdgeCustomCAs).Verdict).To(Equal(want))
	},
		Entry("are left out where that is optional", true, Holds),
		Entry("are broken else", false, Broken),
	)

	It("are not trusted yet by pods of an older template", func(ctx context.Context) {
		w := newWorld(ctx, "rolling")
		w.operator.Status.UpdatedReplicas = 0
		Expect(direct.Status().Update(ctx, w.operator)).To(Succeed())
		Expect(problems(edge(w.check(ctx), EdgeCustomCAs))).To(ConsistOf(And(HaveField("Reason", injector.ReasonNotCarried), HaveField("Verdict", Warning))))
	})

	It("are missing where they are published and not mounted, which a manual rollout wants so", func(ctx context.Context) {
		w := newWorld(ctx, "unmounted")
		state := injector.State{CustomCAConfigMap: injector.PublishedCAPrefix + "0123456789", CustomCADir: "/custom/ca"}
		published := publish(ctx, w, state)
		e := edge(w.check(ctx), EdgeCustomCAs)
		Expect(reasons(e)).To(ConsistOf(injector.ReasonNotCarried))
		Expect(e.Verdict).To(Equal(Broken))
		Expect(direct.Delete(ctx, published)).To(Succeed())
		state.ManualRollout = true
		publish(ctx, w, state)
		Expect(edge(w.check(ctx), EdgeCustomCAs).Verdict).To(Equal(Warning))
	})
})

// publish has a state in force.
func publish(ctx context.Context, w *world, state injector.State) *corev1.ConfigMap {
	GinkgoHelper()
	w.ask(ctx, "enabled", nil)
	Expect(state.Seal()).To(Succeed())
	object, err := state.Object(w.namespace)
	Expect(err).NotTo(HaveOccurred())
	w.create(ctx, object)
	return object
}

// limited is somebody who may read all but Secrets and Namespaces, and more.
func limited(ctx context.Context, namespace string, more ...string) client.Client {
	GinkgoHelper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "limited"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"", "apps", "discovery.k8s.io", "apiregistration.k8s.io", "admissionregistration.k8s.io"}, Verbs: []string{"get", "list"},
			Resources: append(more, "configmaps", "deployments", "endpointslices", "apiservices", "validatingwebhookconfigurations", "mutatingwebhookconfigurations")},
	}}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "limited"},
		Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "limited"}},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "limited"}}
	for _, object := range []client.Object{role, binding} {
		Expect(direct.Create(ctx, object)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(direct.Delete(ctx, object)).To(Succeed()) })
	}
	as := rest.CopyConfig(config)
	as.Impersonate = rest.ImpersonationConfig{UserName: "limited"}
	made := clientOf(as)
	Eventually(func() error { // the API server's authorizer reads from a cache
		return made.List(ctx, &corev1.ConfigMapList{}, client.InNamespace(namespace))
	}).WithTimeout(10 * time.Second).Should(Succeed())
	return made
}
