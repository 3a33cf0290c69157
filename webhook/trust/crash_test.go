package trust

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

var errKilled = errors.New("killed")

// mortal is a writer of a process that is killed at its n-th write: before it
// reaches the API server, or after, before the answer does.
type mortal struct {
	client.Writer
	left  int
	after bool
	died  bool
}

func (m *mortal) write(do func() error) error {
	if m.left--; m.left != 0 {
		return do()
	}
	m.died = true
	if m.after {
		return errors.Join(errKilled, do())
	}
	return errKilled
}

func (m *mortal) Create(ctx context.Context, object client.Object, o ...client.CreateOption) error {
	return m.write(func() error { return m.Writer.Create(ctx, object, o...) })
}

func (m *mortal) Update(ctx context.Context, object client.Object, o ...client.UpdateOption) error {
	return m.write(func() error { return m.Writer.Update(ctx, object, o...) })
}

func (m *mortal) Delete(ctx context.Context, object client.Object, o ...client.DeleteOption) error {
	return m.write(func() error { return m.Writer.Delete(ctx, object, o...) })
}

// refusing answers the first update of each object with an error, as a busy API server.
type refusing struct {
	client.Writer
	refused map[string]bool
}

func (w refusing) Update(ctx context.Context, object client.Object, o ...client.UpdateOption) error {
	if !w.refused[object.GetName()] {
		w.refused[object.GetName()] = true
		return apierrors.NewTooManyRequestsError("busy")
	}
	return w.Writer.Update(ctx, object, o...)
}

var _ = It("Each stage of a change of certificate is told and counted once, though nothing of it can be written at once", func(ctx context.Context) {
	f := newFleet(ctx, "2.21.0", ours)
	first, second := certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp")
	f.put(ctx, "Secret", "my-tls", certificateFrom(first, f.namespace))
	f.installed(ctx)
	f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
	before := testutil.ToFloat64(publications.WithLabelValues(f.namespace))
	for _, want := range [][]string{
		{"RotationStarted", "Published"}, {"RotationStaged", "RotationUnseen", "Published"}, {"RotationFinished", "RotationUnseen", "Published"},
	} {
		f.writer = refusing{direct, map[string]bool{}}
		f.restart()
		for range 2 { // the Secret, and then the state
			_, err := f.try(ctx)
			Expect(apierrors.IsTooManyRequests(err)).To(BeTrue(), "%v", err)
		}
		f.reconcile(ctx)
		Expect(f.reasons()).To(Equal(want))
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.pods[0].deaf = true
		f.ahead += DefaultConvergenceTimeout + time.Second
	}
	Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
	Expect(testutil.ToFloat64(publications.WithLabelValues(f.namespace)) - before).To(Equal(3.0))
	Expect(testutil.ToFloat64(rotations.WithLabelValues(f.namespace, howStaged))).To(Equal(1.0))
	Expect(testutil.ToFloat64(unseen.WithLabelValues(f.namespace, "operator"))).To(Equal(2.0))
})

var _ = Describe("a change of certificate whose process is killed", func() {
	for _, after := range []bool{false, true} {
		It(fmt.Sprintf("at any write converges without a handshake that fails, the write being done: %v", after), func(ctx context.Context) {
			f := newFleet(ctx, "2.21.0", ours)
			current := certtest.NewCA(GinkgoTB(), "Corp")
			f.put(ctx, "Secret", "my-tls", certificateFrom(current, f.namespace))
			f.installed(ctx)
			for n := 1; ; n++ {
				next := certtest.NewCA(GinkgoTB(), "Corp")
				f.put(ctx, "Secret", "my-tls", certificateFrom(next, f.namespace))
				killed := &mortal{Writer: direct, left: n, after: after}
				f.writer = killed
				f.restart()
				f.untilKilled(ctx)
				f.writer = nil
				f.restart()
				f.eventually(ctx)
				Expect(f.mounted(ctx).ca.PEM()).To(Equal(next.CertPEM))
				Expect(f.state(ctx).CABundle).To(Equal(next.CertPEM))
				f.ahead += 2 * time.Minute
				if !killed.died {
					Expect(n).To(BeNumerically(">", 6), "two writes a stage were survived")
					return
				}
			}
		})
	}

	It("after every step, by a process that remembers nothing, all the same", func(ctx context.Context) {
		f := newFleet(ctx, "2.21.0", ours)
		first, second := certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp")
		f.put(ctx, "Secret", "my-tls", certificateFrom(first, f.namespace))
		f.installed(ctx)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		versions := map[string]bool{}
		for range 10 {
			f.restart()
			f.reconcile(ctx)
			versions[f.publishedVersion(ctx)] = true
			f.carry(ctx)
			f.sync(ctx, f.pods...)
			f.verifies("after a restart")
			f.ahead += 30 * time.Second
		}
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(versions).To(HaveLen(3), "each stage is published once")
	})
})

// untilKilled is as eventually, but the process ends in the middle, or not at all.
func (f *fleet) untilKilled(ctx context.Context) {
	GinkgoHelper()
	for range 60 {
		result, err := f.try(ctx)
		if err != nil {
			Expect(err).To(MatchError(errKilled))
			f.verifies("killed")
			return
		}
		behind := f.behind(ctx)
		if len(behind) == 0 && result.RequeueAfter > time.Minute {
			return
		}
		f.carry(ctx)
		f.comesAfter(ctx, behind)
		f.ahead += 5 * time.Second
	}
	Fail("it is neither killed nor does it end")
}
