package trust

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = It("The Deployments are read as they are where an API server knows nothing as new as what was seen", func(ctx context.Context) {
	k := newKEDA(ctx, nil)
	k.operator(ctx)
	asked := 0
	reader := Reader{Live: direct, seen: func(string) client.ListOption {
		asked++
		return &client.ListOptions{Raw: &metav1.ListOptions{
			ResourceVersion: "999999999999", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		}}
	}}
	found, _, err := reader.installation(ctx, k.namespace, nil)
	Expect(err).NotTo(HaveOccurred())
	Expect(found.Deployments).To(HaveKey(injector.ComponentOperator))
	Expect(asked).To(Equal(1))
})
