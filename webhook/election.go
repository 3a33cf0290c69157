package webhook

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/keda-trust/keda-trust/injector"
)

// A leader that is told to stop gives its lease back, and the others find that
// out at their next look: client-go lets between one and 2.2 retryPeriods pass,
// so after 1.1 s at most, which leaves 0.9 s of the two seconds that a hand-over
// may take. The price is that the leader writes the Lease twice a second, as
// twenty kubelets do theirs, and that each of the others reads it about as often;
// client-go's two seconds would be a quarter of that, and up to 4.4 s of waiting.
//
// A leader that is gone without a word is waited for as long as those of
// Kubernetes are. What is published stays in force meanwhile, so that little is
// won by a shorter lease; lost would be a process, restarted, whenever an API
// server that is being replaced does not answer for ten seconds.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 500 * time.Millisecond
)

func (o Options) elect(m *ctrl.Options) {
	m.LeaderElection = o.LeaderElection
	m.LeaderElectionID = injector.LeaderElectionID
	m.LeaderElectionNamespace = o.Serving.Namespace
	m.LeaseDuration, m.RenewDeadline, m.RetryPeriod = new(leaseDuration), new(renewDeadline), new(retryPeriod)
	// A manager gives it back when what it ran has ended, so that nobody leads twice.
	m.LeaderElectionReleaseOnCancel = true
}
