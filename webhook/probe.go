package webhook

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/webhook/roundtrip"
)

const (
	// firstProbe leaves a new leader the time to become an endpoint.
	firstProbe    = 10 * time.Second
	probeInterval = time.Minute
)

// probe is an answerFunc for the probe entry: that it answers is the answer.
func probe(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response, form := allowed(), admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = []byte(roundtrip.Answer), &form
	return response
}

// roundTrip asks, on the leader and from time to time, whether the API server
// reaches the webhook by way of the Service. Readiness cannot tell: an unready
// pod is no endpoint.
type roundTrip struct {
	client    client.Client
	namespace string
	log       logr.Logger
}

// Start asks until ctx is done.
func (r roundTrip) Start(ctx context.Context) error {
	for pause := firstProbe; ; pause = probeInterval {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			r.ask(ctx)
		}
	}
}

func (r roundTrip) ask(ctx context.Context) {
	took, err := roundtrip.Ask(ctx, r.client, r.namespace)
	switch {
	case ctx.Err() != nil: // nobody waits for the answer
	case err != nil:
		roundTrips.WithLabelValues("failed").Inc()
		r.log.Error(err, "The API server gets no answer from the webhook")
	default:
		roundTrips.WithLabelValues("answered").Inc()
		roundTripDurations.Observe(took.Seconds())
	}
}
