package serving

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// loadDuration is for how long each scenario is under load: five seconds, or
// what KEDA_TRUST_LOAD_DURATION says.
func loadDuration() time.Duration {
	GinkgoHelper()
	text, set := os.LookupEnv("KEDA_TRUST_LOAD_DURATION")
	if !set || text == "" {
		return 5 * time.Second
	}
	duration, err := time.ParseDuration(text)
	Expect(err).NotTo(HaveOccurred(), "KEDA_TRUST_LOAD_DURATION is a duration such as 2m")
	return duration
}

const admissionsPerSecond = 50

// load is dry-run creates that the webhook has to admit.
type load struct {
	fleet   *fleet
	cancel  context.CancelFunc
	running sync.WaitGroup
	began   time.Time

	mu       sync.Mutex
	total    int
	failures []failure
}

type failure struct {
	began, ended time.Time
	err          error
}

func (f failure) String() string {
	return fmt.Sprintf("%s to %s: %s", f.began.Format(time.StampMicro), f.ended.Format(time.StampMicro), f.err)
}

// beNone fails with what a person would look at: how many, when, and why.
func beNone() types.GomegaMatcher {
	return WithTransform(func(failures []failure) []string {
		var lines []string
		for _, failed := range failures {
			lines = append(lines, failed.String())
		}
		return lines
	}, BeEmpty())
}

func (f *fleet) underLoad(ctx context.Context) *load {
	GinkgoHelper()
	Eventually(func() error { return f.admit(ctx) }).WithTimeout(10 * time.Second).Should(Succeed())
	ctx, cancel := context.WithCancel(ctx)
	l := &load{fleet: f, cancel: cancel, began: time.Now()}
	f.calls.Store(0)
	l.running.Go(func() {
		ticker := time.NewTicker(time.Second / admissionsPerSecond)
		defer ticker.Stop()
		issued := 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// A busy machine drops ticks; the calls of those are made up for.
				for due := int(time.Since(l.began).Seconds() * admissionsPerSecond); issued < due; issued++ {
					l.running.Go(l.call)
				}
			}
		}
	})
	return l
}

func (f *fleet) admit(ctx context.Context) error {
	return direct.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "admitted"}}, client.DryRunAll)
}

func (l *load) call() {
	// A call that began is waited for, also when the load ends meanwhile.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := time.Now()
	err := l.fleet.admit(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if err != nil {
		l.failures = append(l.failures, failure{began, time.Now(), err})
	}
}

// end keeps the load up for the rest of its duration and returns what failed.
func (l *load) end(ctx context.Context) []failure {
	GinkgoHelper()
	select {
	case <-time.After(time.Until(l.began.Add(loadDuration()))):
	case <-ctx.Done():
	}
	seconds := time.Since(l.began).Seconds()
	l.cancel()
	l.running.Wait()
	AddReportEntry("load", fmt.Sprintf("%d admissions in %.1f s, %d failed, %d calls of the webhook", l.total, seconds, len(l.failures), l.fleet.calls.Load()))
	for _, failed := range l.failures[:min(3, len(l.failures))] {
		AddReportEntry("failed", failed.String())
	}
	Expect(l.total).To(BeNumerically(">", seconds*admissionsPerSecond*0.8), "the load was not what it should be")
	// Both entries of the configuration are called for every admission.
	Expect(l.fleet.calls.Load()).To(BeNumerically(">=", 2*(l.total-len(l.failures))), "admissions did not pass through the webhook")
	return l.failures
}

// shortestDwell is the timeout of the webhook. The API server takes the caBundle
// when a call begins and may shake hands as late as that; a shorter dwell failed
// seven of six thousand calls on a machine that stood still for three seconds.
const shortestDwell = callTimeout * time.Second

// brief are lifetimes for a rotation from end to end within seconds. A leaf is
// renewed four seconds before its end, which a machine can stand still for.
func brief(o *Options) {
	o.Policy = Policy{CALifetime: time.Hour, LeafLifetime: 10 * time.Second, Dwell: shortestDwell, ForcedDwell: shortestDwell}
	o.Recheck = 100 * time.Millisecond
}

func asInACluster(o *Options) {
	o.ForcedDwell, o.Recheck = shortestDwell, 100*time.Millisecond
}
