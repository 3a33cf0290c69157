package trust

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = It("A fault that lasts is told again before its Event is forgotten, and not before", func() {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	recorder := events.NewFakeRecorder(10)
	told := newTeller(recorder, func() time.Time { return now })
	to := audience{namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "keda"}}}
	missing := []injector.Finding{{Reason: injector.ReasonSourceMissing, Object: "Secret keda/keda-tls", Message: "not found"}}

	told.findings(to, missing)
	Expect(recorder.Events).To(HaveLen(1))
	for range 4 {
		now = now.Add(10 * time.Minute)
		told.findings(to, missing)
	}
	Expect(recorder.Events).To(HaveLen(1))
	now = now.Add(10 * time.Minute)
	told.findings(to, missing)
	Expect(recorder.Events).To(HaveLen(2))
	told.findings(to, missing)
	Expect(recorder.Events).To(HaveLen(2), "the next time is counted from the last")
})
