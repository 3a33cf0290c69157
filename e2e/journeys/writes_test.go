package journeys

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// watched are objects that two could fight over, and how each was when it was last
// seen.
type watched struct {
	watch.Interface
	last map[string]string // what of it is not its status, by name
}

// writesFor tells each write of KEDA's APIService, ValidatingWebhookConfiguration and
// Deployments for a time, also of what is back at its end.
func writesFor(ctx context.Context, duration time.Duration) []string {
	GinkgoHelper()
	service := watchWrites(ctx, schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}, "", injector.KEDAAPIService)
	defer service.Stop()
	webhooks := watchWrites(ctx, schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, "", injector.KEDAValidatingWebhook)
	defer webhooks.Stop()
	deployments := watchWrites(ctx, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, kedaNamespace, "")
	defer deployments.Stop()

	var written []string
	over := time.NewTimer(duration)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			Fail("watching for writes: " + context.Cause(ctx).Error())
		case <-over.C:
			return written
		case event := <-service.ResultChan():
			written = append(written, service.see(event)...)
		case event := <-webhooks.ResultChan():
			written = append(written, webhooks.see(event)...)
		case event := <-deployments.ResultChan():
			written = append(written, deployments.see(event)...)
		}
	}
}

// watchWrites begins with what there is. No name stands for all.
func watchWrites(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) *watched {
	GinkgoHelper()
	options := metav1.ListOptions{}
	if name != "" {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}
	objects := on.Client.Resource(resource).Namespace(namespace)
	list, err := objects.List(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	Expect(list.Items).NotTo(BeEmpty(), resource.Resource)
	seen := &watched{last: map[string]string{}}
	for _, object := range list.Items {
		seen.last[object.GetName()] = wanted(&object)
	}
	options.ResourceVersion = list.GetResourceVersion()
	seen.Interface, err = objects.Watch(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	return seen
}

// see tells the write that an event is of, if it is of one. What was written is for
// who looks at the journey.
func (w *watched) see(event watch.Event) []string {
	GinkgoHelper()
	object, ok := event.Object.(*unstructured.Unstructured)
	Expect(ok).To(BeTrue(), "the watch ended: %+v", event)
	now := wanted(object)
	before := w.last[object.GetName()]
	if event.Type == watch.Modified && now == before {
		return nil
	}
	w.last[object.GetName()] = now
	fmt.Fprintf(GinkgoWriter, "%s: %s\nfrom %s\nto   %s\n", event.Type, local.Title(object), before, now)
	return []string{fmt.Sprintf("%s: %s", event.Type, local.Title(object))}
}

// wanted is what of an object somebody wants: not its status, and not who wrote it
// when, which every write of that changes.
func wanted(object *unstructured.Unstructured) string {
	GinkgoHelper()
	content := object.DeepCopy()
	content.SetManagedFields(nil)
	content.SetResourceVersion("")
	delete(content.Object, "status")
	text, err := json.Marshal(content.Object)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}
