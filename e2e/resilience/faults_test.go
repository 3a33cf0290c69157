package resilience

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// busy turns away every nth request that is no watch, as an API server with too many does, for a
// second.
func busy(nth int64) fault {
	var asked atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1)%nth != 0 {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Retry-After", "1")
			refuse(w, apierrors.NewTooManyRequests("the server is busy", 1))
		})
	}
}

// contradicting answers every nth step that somebody else was faster, which it was
// not.
func contradicting(nth int64) fault {
	var written atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if what := stepOf(r); what != "" && written.Add(1)%nth == 0 {
				refuse(w, apierrors.NewConflict(schema.GroupResource{Resource: what}, what, errors.New("the object has been modified")))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// forgetful ends all watches ahead of each step, so that what it changes is not
// seen by them, and answers every nth watch that what it asks for is too old.
func forgetful(nth int64) fault {
	var begun atomic.Int64
	var mu sync.Mutex
	under := map[*http.Request]context.CancelFunc{}
	end := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, cancel := range under {
			cancel()
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if stepOf(r) != "" {
				end()
			}
			if !isWatch(r) {
				next.ServeHTTP(w, r)
				return
			}
			if begun.Add(1)%nth == 0 {
				refuse(w, apierrors.NewResourceExpired("too old resource version"))
				return
			}
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			mu.Lock()
			under[r] = cancel
			mu.Unlock()
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				delete(under, r)
			}()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// stalled lets watches stand, and once now is closed nothing comes through them
// any more: as from an API server whose own watch of etcd has stalled. What is read
// is true.
func stalled(now <-chan struct{}) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isWatch(r) {
				w = muffled{w, now}
			}
			next.ServeHTTP(w, r)
		})
	}
}

type muffled struct {
	http.ResponseWriter
	now <-chan struct{}
}

func (m muffled) Write(event []byte) (int, error) {
	select {
	case <-m.now:
		return len(event), nil
	default:
		return m.ResponseWriter.Write(event)
	}
}

// Unwrap is for http.ResponseController, which flushes.
func (m muffled) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// slow holds each step back, so that what it is based on has become old.
func slow(by time.Duration) fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if stepOf(r) != "" {
				select {
				case <-r.Context().Done():
				case <-time.After(by):
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// readOnly refuses all steps, as to one that does not lead.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if what := stepOf(r); what != "" {
			refuse(w, apierrors.NewConflict(schema.GroupResource{Resource: what}, what, errors.New("the object has been modified")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// interrupted holds the first step of a kind back, says so by closing reached, and
// lets it go on once resume is closed.
func interrupted(kind string, reached chan<- struct{}, resume <-chan struct{}) fault {
	var once sync.Once
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if stepOf(r) == kind {
				once.Do(func() {
					close(reached)
					select {
					case <-resume:
					case <-r.Context().Done():
					}
				})
			}
			next.ServeHTTP(w, r)
		})
	}
}

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status) // who asked may have gone
}
