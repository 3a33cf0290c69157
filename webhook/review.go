package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
)

const (
	// maxBodyBytes is what an AdmissionReview of two objects can have.
	maxBodyBytes = 7 << 20
	// smallBodyBytes is ten times what KEDA's operator takes, old and new.
	smallBodyBytes = 256 << 10
	// maxLargeBodies keeps the memory of all of them, decoded, below the chart's
	// limit.
	maxLargeBodies = 4
	// defaultTimeout is the API server's when it names none.
	defaultTimeout = 10 * time.Second
	// maxTimeout is the longest that a webhook configuration can ask for.
	maxTimeout = 30 * time.Second
	// answerMargin is left for the answer to travel and be read.
	answerMargin = 500 * time.Millisecond
)

// answerFunc decides about one request. It has no way to fail.
type answerFunc func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse

// reviews is an http.Handler around an answerFunc: what is not an
// AdmissionReview is the caller's fault and gets a 4xx.
type reviews struct {
	answer answerFunc
	large  largeBodies
	log    logr.Logger
}

// largeBodies has room for as many requests as may hold a large body at once:
// whoever reaches the port could take all memory otherwise. Small ones, which
// those of KEDA are, never wait for it.
type largeBodies chan struct{}

// enter waits for room, if a body of that many bytes, -1 for an unknown number,
// needs any.
func (l largeBodies) enter(ctx context.Context, bytes int64) (leave func(), err error) {
	if bytes >= 0 && bytes <= smallBodyBytes {
		return func() {}, nil
	}
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, badRequest{http.StatusServiceUnavailable, fmt.Errorf("%d requests with more than %d bytes are being answered already", cap(l), smallBodyBytes)}
	}
}

// badRequest is an error that the caller can mend.
type badRequest struct {
	status int
	err    error
}

func (b badRequest) Error() string { return b.err.Error() }
func (b badRequest) Unwrap() error { return b.err }

func (h reviews) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(logr.NewContext(r.Context(), h.log), answerTime(r))
	defer cancel()
	leave, err := h.large.enter(ctx, r.ContentLength)
	if err != nil {
		h.refuse(w, err)
		return
	}
	defer leave()
	review, err := readReview(w, r)
	if err != nil {
		h.refuse(w, err)
		return
	}
	response := h.answer(ctx, review.Request)
	response.UID = review.Request.UID
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
	if err != nil {
		h.log.Error(err, "Encoding an AdmissionReview")
		http.Error(w, "encoding the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		h.log.V(1).Info("The caller did not wait for the answer", "error", err.Error())
	}
}

func (h reviews) refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var bad badRequest
	if errors.As(err, &bad) {
		status = bad.status
	}
	h.log.V(1).Info("Refused a request that is no AdmissionReview", "status", status, "error", err.Error())
	http.Error(w, err.Error(), status)
}

func readReview(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionReview, error) {
	if r.Method != http.MethodPost {
		return nil, badRequest{http.StatusMethodNotAllowed, fmt.Errorf("the method %q is not POST", r.Method)}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, fmt.Errorf("the content type %q is not application/json", r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, badRequest{http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", tooLarge.Limit)}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	return parseReview(body)
}

// parseReview keeps what it read out of its errors.
func parseReview(body []byte) (*admissionv1.AdmissionReview, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, errors.New("the body is not an AdmissionReview in JSON")
	}
	if review.APIVersion != admissionv1.SchemeGroupVersion.String() || review.Kind != "AdmissionReview" {
		return nil, fmt.Errorf("the body is not an AdmissionReview of %s", admissionv1.SchemeGroupVersion)
	}
	if review.Request == nil || review.Request.UID == "" {
		return nil, errors.New("the AdmissionReview has no request with a uid")
	}
	return &review, nil
}

// answerTime is how long an answer may take: what the API server says in the
// query that it waits, less a margin, and never less than half of it.
func answerTime(r *http.Request) time.Duration {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 {
		timeout = defaultTimeout
	}
	timeout = min(timeout, maxTimeout)
	return max(timeout-answerMargin, timeout/2)
}
