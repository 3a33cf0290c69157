package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Forward gives an address on this machine that leads to a pod's port, until
// stop is called: for a look at what is served, from any cluster. The pod is one
// that is ready, of those that the labels select: "app=keda-operator".
func (p *Platform) Forward(ctx context.Context, namespace, labels string, port int) (address string, stop func(), err error) {
	pod, err := p.readyPod(ctx, namespace, labels)
	if err != nil {
		return "", nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(p.Config)
	if err != nil {
		return "", nil, fmt.Errorf("forwarding a port: %w", err)
	}
	target := p.Pods.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	stopped, ready, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", port)}, stopped, ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, fmt.Errorf("forwarding a port: %w", err)
	}
	var failed error // once ended is closed
	go func() {
		failed = forwarder.ForwardPorts()
		close(ended)
	}()
	stop = func() { close(stopped); <-ended }
	select {
	case <-ended:
		return "", nil, fmt.Errorf("forwarding port %d of %s/%s: %w", port, namespace, pod, failed)
	case <-ctx.Done():
		stop()
		return "", nil, context.Cause(ctx)
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("forwarding a port: %w", err)
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), stop, nil
}

func (p *Platform) readyPod(ctx context.Context, namespace, labels string) (string, error) {
	pods, err := p.Pods.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return "", fmt.Errorf("looking for pods: %w", err)
	}
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if pod.DeletionTimestamp == nil && condition.Type == "Ready" && condition.Status == "True" {
				return pod.Name, nil
			}
		}
	}
	return "", fmt.Errorf("looking for pods: none of the %d in %s with labels %s is ready", len(pods.Items), namespace, labels)
}
