package serving

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// terminate is a SIGTERM: unready, on with serving, stopped. Serving on is for
// those who connected before, which a process gives ten seconds.
func (f *fleet) terminate(m *member) {
	GinkgoHelper()
	m.certificate.Drain()
	Eventually(f.endpoints).ShouldNot(ContainElement(m.address))
	if f.fresh {
		Eventually(f.balancer.underWay).WithArguments(m.address).WithTimeout(10 * time.Second).Should(BeZero())
	}
	f.forget(m)
	m.cancel()
	Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive(Not(HaveOccurred())))
}

// kill is a SIGKILL at a moment that is likely without a call under way: such a
// call is lost, and nothing that the webhook does could save it. The lease is
// not released. It returns the moment at which the connections were cut.
func (f *fleet) kill(m *member) time.Time {
	GinkgoHelper()
	f.forget(m)
	f.balancer.set(f.ready())
	Eventually(m.underWay.Load).WithPolling(100 * time.Microsecond).Should(BeZero())
	cut := time.Now()
	f.balancer.reset(m.address)
	m.cancel()
	Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive())
	return cut
}

func (f *fleet) forget(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = slices.DeleteFunc(f.members, func(other *member) bool { return other == m })
}

func (f *fleet) endpoints() []string {
	f.balancer.mu.Lock()
	defer f.balancer.mu.Unlock()
	return f.balancer.endpoints
}

func (f *fleet) leader() *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		select {
		case <-m.elected:
			return m
		default:
		}
	}
	return nil
}

func (f *fleet) stop() {
	GinkgoHelper()
	f.stopPoll()
	f.polling.Wait()
	for _, m := range f.members {
		m.cancel()
		Eventually(m.ended).WithTimeout(15 * time.Second).Should(Receive(Not(HaveOccurred())))
	}
	f.balancer.stop()
}
