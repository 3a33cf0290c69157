package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// firstProbe leaves a new leader the time to become an endpoint.
	firstProbe    = 10 * time.Second
	probeInterval = time.Minute
	probeTimeout  = 10 * time.Second
	// answeredKey is what the probe entry adds: the entry fails open, so that an
	// object without it was stored without anybody's answer.
	answeredKey = "answered"
)

// probe is an answerFunc for the probe entry: that it answers is the answer.
func probe(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response, form := allowed(), admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = []byte(`[{"op":"add","path":"/data","value":{"`+answeredKey+`":"true"}}]`), &form
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
	took, err := r.once(ctx)
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

func (r roundTrip) once(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: injector.ProbeConfigMap}}
	start := time.Now()
	if err := r.client.Create(ctx, object, client.DryRunAll); err != nil {
		return 0, fmt.Errorf("creating ConfigMap %s/%s in a dry run: %w", r.namespace, injector.ProbeConfigMap, err)
	}
	if object.Data[answeredKey] == "" {
		return 0, errors.New("asking by way of the Service: it was not answered, so objects pass without injection; look at the Service, its endpoints and the caBundle")
	}
	return time.Since(start), nil
}
