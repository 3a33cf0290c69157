package endpoints

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
)

func at(address string, ready *bool, pod string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if pod != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
	}
	return e
}

var _ = Describe("Ready endpoints", func() {
	server := injector.Server{Service: "keda-operator", Port: 9666}
	var namespace string
	slice := func(ctx context.Context, name, service string, family discoveryv1.AddressType, all ...discoveryv1.Endpoint) {
		GinkgoHelper()
		Expect(direct.Create(ctx, &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: family, Endpoints: all,
		})).To(Succeed())
	}
	addresses := func(ctx context.Context) []string {
		GinkgoHelper()
		found, err := Ready(ctx, direct, namespace, server)
		Expect(err).NotTo(HaveOccurred())
		var out []string
		for _, e := range found {
			Expect(e.Server).To(Equal(server))
			out = append(out, e.Pod+"="+e.Address)
		}
		return out
	}
	BeforeEach(func(ctx context.Context) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keda-"}}
		Expect(direct.Create(ctx, ns)).To(Succeed())
		namespace = ns.Name
	})

	It("are none without a Service", func(ctx context.Context) {
		Expect(addresses(ctx)).To(BeEmpty())
	})

	It("leave out those that are not ready, and take those of whom it is not known", func(ctx context.Context) {
		slice(ctx, "one", "keda-operator", discoveryv1.AddressTypeIPv4,
			at("192.0.2.1", ptr.To(true), "a"), at("192.0.2.2", ptr.To(false), "b"), at("192.0.2.3", nil, "c"))
		Expect(addresses(ctx)).To(Equal([]string{"a=192.0.2.1:9666", "c=192.0.2.3:9666"}))
	})

	It("are those of all slices of the Service, each once and in order, and of no other", func(ctx context.Context) {
		slice(ctx, "one", "keda-operator", discoveryv1.AddressTypeIPv4, at("192.0.2.7", nil, "b"), at("192.0.2.1", nil, "a"))
		slice(ctx, "two", "keda-operator", discoveryv1.AddressTypeIPv4, at("192.0.2.1", nil, "a"), at("192.0.2.3", nil, ""))
		slice(ctx, "three", "keda-operator", discoveryv1.AddressTypeIPv6, at("2001:db8::1", nil, "a"))
		slice(ctx, "other", "other", discoveryv1.AddressTypeIPv4, at("192.0.2.9", nil, "x"))
		Expect(addresses(ctx)).To(Equal([]string{"a=192.0.2.1:9666", "=192.0.2.3:9666", "b=192.0.2.7:9666", "a=[2001:db8::1]:9666"}))
	})
})
