package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// timeout is longer than the API server waits by the probe's own entry of the webhook
// configuration, and shorter than a person's patience.
const timeout = 10 * time.Second

// answeredKey is what the answer adds: the probe entry fails open, so that an
// object without it was admitted without anybody's answer.
const answeredKey = "answered"

// Answer is the JSON patch by which keda-trust shows that it was asked.
const Answer = `[{"op":"add","path":"/data","value":{"` + answeredKey + `":"true"}}]`

// ErrNotAnswered says that the API server admitted the ConfigMap without keda-trust.
var ErrNotAnswered = errors.New("asking by way of the Service: it was not answered, so objects pass without injection; look at the Service, its endpoints and the caBundle")

// Ask is how long an answer took. namespace is keda-trust's own. An error that is
// not ErrNotAnswered is the API server's, as where the caller lacks the right to
// create a ConfigMap.
func Ask(ctx context.Context, writer client.Writer, namespace string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: injector.ProbeConfigMap}}
	start := time.Now()
	if err := writer.Create(ctx, object, client.DryRunAll); err != nil {
		return 0, fmt.Errorf("creating ConfigMap %s/%s in a dry run: %w", namespace, injector.ProbeConfigMap, err)
	}
	if object.Data[answeredKey] == "" {
		return 0, ErrNotAnswered
	}
	return time.Since(start), nil
}
