package platform

import (
	"context"
	"fmt"
	"io"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// Report writes what a person would look at where something has failed. What
// cannot be had is told in its place.
func (p *Platform) Report(ctx context.Context, to io.Writer) {
	// The served certificates are part of it.
	p.section(ctx, to, p.Trust, "check", "-n", injector.DefaultKEDANamespace)
	p.section(ctx, to, p.Kubectl, "get", "nodes", "-o", "wide")
	for _, namespace := range []string{injector.DefaultKEDANamespace, injector.Name} {
		p.ReportNamespace(ctx, to, namespace)
	}
	p.section(ctx, to, p.Kubectl, "get", "namespace", injector.DefaultKEDANamespace, "-o", "yaml")
	p.section(ctx, to, p.Kubectl, "get", "configmap", injector.StateConfigMap, "-o", "yaml", "-n", injector.DefaultKEDANamespace)
	p.section(ctx, to, p.Kubectl, "get", "scaledobjects.keda.sh", "-o", "yaml", "--all-namespaces")
	p.section(ctx, to, p.Kubectl, "get", "horizontalpodautoscalers", "-o", "yaml", "--all-namespaces")
	p.section(ctx, to, p.Kubectl, "get", "apiservice", injector.KEDAAPIService, "-o", "yaml")
	p.section(ctx, to, p.Kubectl, "get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "yaml")
}

// ReportNamespace is the part of Report about what runs in one, which need not be
// there.
func (p *Platform) ReportNamespace(ctx context.Context, to io.Writer, namespace string) {
	if _, err := p.Pods.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		fmt.Fprintf(to, "\n▶ there is no Namespace %s\n", namespace)
		return
	}
	p.section(ctx, to, p.Kubectl, "get", "deployments,replicasets,pods,secrets,configmaps,services,endpointslices", "-o", "wide", "-n", namespace)
	p.section(ctx, to, p.Kubectl, "get", "deployments", "-o", "yaml", "-n", namespace)
	p.section(ctx, to, p.Kubectl, "events", "-n", namespace) // those of both APIs, by when they were last seen
	p.logs(ctx, to, namespace)
}

// logs are those of all pods, and of the containers that ran before them.
func (p *Platform) logs(ctx context.Context, to io.Writer, namespace string) {
	names, err := p.Kubectl(ctx, "get", "pods", "-o", "name", "-n", namespace)
	if err != nil {
		fmt.Fprintln(to, err)
		return
	}
	for pod := range strings.FieldsSeq(names) {
		p.section(ctx, to, p.Kubectl, "logs", pod, "--tail=60", "-n", namespace)
		// Most pods have not been restarted, which is told as an error.
		if before, err := p.Kubectl(ctx, "logs", pod, "--tail=30", "--previous", "-n", namespace); err == nil {
			fmt.Fprintf(to, "\nbefore its last restart:\n%s", before)
		}
	}
}

func (p *Platform) section(ctx context.Context, to io.Writer, look func(context.Context, ...string) (string, error), args ...string) {
	said, err := look(ctx, args...)
	fmt.Fprintf(to, "\n▶ %s\n%s", strings.Join(args, " "), said)
	if err != nil && said == "" {
		fmt.Fprintln(to, err)
	}
}
