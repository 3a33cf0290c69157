package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// strangerSize is what one of the other Secrets holds, in bytes: about a
	// certificate.
	strangerSize = 1 << 10
	elsewhere    = "elsewhere"
	// respite lets the API server come to rest after so many writes.
	respite = 3 * time.Second
)

// crowd makes n Secrets that nobody here has to do with, half of them in KEDA's
// namespace.
func crowd(ctx context.Context, client kubernetes.Interface, n int) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: elsewhere}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating Namespace %s: %w", elsewhere, err)
	}
	content := make([]byte, strangerSize)
	if _, err := rand.Read(content); err != nil {
		return fmt.Errorf("making up a Secret: %w", err)
	}
	var once sync.Once
	var fault error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const workers = 8
	workqueue.ParallelizeUntil(ctx, workers, n, func(i int) {
		namespace := elsewhere
		if i%2 == 0 {
			namespace = injector.DefaultKEDANamespace
		}
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("other-%d", i)},
			Data:       map[string][]byte{"content": content},
		}
		if _, err := client.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			once.Do(func() { fault = fmt.Errorf("creating one of %d Secrets: %w", n, err) })
			cancel()
		}
	})
	if fault != nil {
		return fault
	}
	return pause(ctx, respite)
}
