package notice

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/keda-trust/keda-trust/injector"
)

func TestNotice(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "What is told")
}

var _ = Describe("a teller", func() {
	var (
		now      time.Time
		recorder *events.FakeRecorder
		told     *Teller
		to       Audience
	)
	BeforeEach(func() {
		now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		recorder = events.NewFakeRecorder(10)
		told = New(recorder, func() time.Time { return now })
		to = Audience{Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "keda"}}}
	})
	missing := []injector.Finding{{Reason: injector.ReasonSourceMissing, Object: "Secret keda/keda-tls", Message: "not found"}}

	It("tells a fault that lasts again before its Event is forgotten, and not before", func() {
		told.Findings(to, missing)
		Expect(recorder.Events).To(HaveLen(1))
		for range 4 {
			now = now.Add(10 * time.Minute)
			told.Findings(to, missing)
		}
		Expect(recorder.Events).To(HaveLen(1))
		now = now.Add(10 * time.Minute)
		told.Findings(to, missing)
		Expect(recorder.Events).To(HaveLen(2))
		told.Findings(to, missing)
		Expect(recorder.Events).To(HaveLen(2), "the next time is counted from the last")
	})

	It("tells anew what was over, and what was forgotten", func() {
		told.Findings(to, missing)
		told.Findings(to, nil)
		told.Findings(to, missing)
		Expect(recorder.Events).To(HaveLen(2))
		told.Forget("keda")
		told.Findings(to, missing)
		Expect(recorder.Events).To(HaveLen(3))
	})

	It("tells of the other object as well, and cuts what an API server would not take", func() {
		to.Also = &corev1.ConfigMap{}
		told.Event(to, corev1.EventTypeNormal, injector.ReasonPublished, strings.Repeat("ä", maxNote))
		Expect(recorder.Events).To(HaveLen(2))
		Expect(recorder.Events).To(Receive(And(HaveSuffix("ä…"), WithTransform(func(event string) int {
			return len(strings.TrimPrefix(event, "Normal Published "))
		}, BeNumerically("<=", maxNote)))))
	})

	DescribeTable("calls", func(f injector.Finding, want string) {
		told.Findings(to, []injector.Finding{f})
		Expect(recorder.Events).To(Receive(HavePrefix(want)))
	},
		Entry("a fault a warning", missing[0], "Warning SourceMissing"),
		Entry("an audit normal", injector.Finding{Reason: injector.ReasonAudit, Warning: true}, "Normal Audit"),
		Entry("a caBundle that another fills well normal", injector.Finding{Reason: injector.ReasonBundleElsewhere, Warning: true}, "Normal BundleOwnedElsewhere"),
		Entry("a caBundle that another fills badly a warning", injector.Finding{Reason: injector.ReasonBundleElsewhere}, "Warning BundleOwnedElsewhere"),
	)
})
