package resilience

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// applyAgainAndAgain is an installer, or a GitOps controller, that writes what it
// always wrote, until the returned function is called.
func applyAgainAndAgain() (stop func()) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var times int
	running.Go(func() {
		defer GinkgoRecover()
		for ; ctx.Err() == nil; times++ {
			for _, subject := range subjects {
				again := subject.DeepCopy()
				annotations := again.GetAnnotations()
				if annotations == nil {
					annotations = map[string]string{}
				}
				annotations["applied"] = strconv.Itoa(times) // else it would change nothing
				again.SetAnnotations(annotations)
				_, err := cluster.Apply(context.WithoutCancel(ctx), again)
				Expect(err).NotTo(HaveOccurred())
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		AddReportEntry("applied", fmt.Sprintf("%d times", times))
	})
	DeferCleanup(stop)
	return stop
}
