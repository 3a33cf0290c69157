package webhook

import (
	"errors"
	"net/http"
	"net/http/httptest"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page for readiness", func() {
	It("says why it is not ready, and logs that once for each reason", func() {
		var logged []string
		var reason error
		log := funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{})
		replica := &readiness{ready: func(*http.Request) error { return reason }, log: log}
		pages := healthServer("", func(*http.Request) error { return nil }, replica.check).Handler
		ask := func(path string) *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			pages.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			return answer
		}
		for _, said := range []string{"no caBundle", "no caBundle", "another caBundle", "", "no caBundle"} {
			reason = nil
			if said != "" {
				reason = errors.New(said)
			}
			answer := ask("/readyz")
			Expect(answer.Code == http.StatusOK).To(Equal(said == ""))
			Expect(answer.Body.String()).To(ContainSubstring(said))
		}
		Expect(logged).To(HaveExactElements(
			ContainSubstring(`"reason"="no caBundle"`), ContainSubstring(`"reason"="another caBundle"`), ContainSubstring(`"reason"="no caBundle"`)))
		Expect(ask("/healthz").Code).To(Equal(http.StatusOK))
	})
})
