package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = DescribeTable("The command line injects a certificate and custom CAs once, gives back what it was given, and the API server accepts",
	func(ctx SpecContext, s source) {
		in := s.read(ctx)
		in.expectAllWanted()
		out := in.inject(ctx, asFiles(in.allNames())...)
		out.expectReports(in)
		expectManifest(ctx, in, out.objects(), func(got, plain *unstructured.Unstructured, want wanted) {
			if !want.injected() {
				expectLeftAlone(got, plain)
				return
			}
			expectInjected(got, plain, want, carried{secret: certificateSecret, certDir: corporateDir, roots: out.roots(ctx), caBundle: string(authority.CertPEM)})
		})
	},
	each(),
)

var _ = DescribeTable("The command line injects custom CAs alone, and leaves certificates as they are installed, in",
	func(ctx SpecContext, s source) {
		in := s.read(ctx)
		out := in.inject(ctx, "--custom-ca-file="+writeRoots())
		expectManifest(ctx, in, out.objects(), func(got, plain *unstructured.Unstructured, want wanted) {
			if !want.injected() || got.GetKind() != "Deployment" {
				expectLeftAlone(got, plain)
				return
			}
			deployment, container := typed(got), containerOf(typed(got), want.container)
			Expect(deployment.Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateInjected))
			Expect(flags(container, "enable-cert-rotation")).To(Equal(flags(containerOf(typed(plain), want.container), "enable-cert-rotation")))
			if want.component == injector.ComponentOperator {
				expectRoots(deployment, typed(plain), want.container, out.roots(ctx))
			}
			expectNothingElse(deployment, typed(plain), want.container)
		})
	},
	each(),
)

// inject runs the command, and holds it against itself: a second time changes
// nothing, and uninject gives back what there was.
func (in installation) inject(ctx context.Context, flags ...string) outcome {
	GinkgoHelper()
	out := kedaTrust(ctx, append([]string{"inject", "--filename=" + in.file}, flags...)...)
	Expect(out.exit).To(BeZero(), out.complaints)
	again := kedaTrust(ctx, append([]string{"inject", "--filename=" + out.save("injected.yaml")}, flags...)...)
	Expect(again.exit).To(BeZero(), again.complaints)
	Expect(again.stdout).To(Equal(out.stdout))
	back := kedaTrust(ctx, "uninject", "--filename="+out.save("injected.yaml"))
	Expect(back.exit).To(BeZero(), back.complaints)
	Expect(withoutEmpty(back.objects())).To(Equal(withoutEmpty(in.objects)))
	return out
}

var _ = It("An operator that a shell starts is refused with a sentence, and no other component goes on without it", func(ctx SpecContext) {
	const operator = "keda-operator"
	in := variantOf(ctx, "operator-in-a-shell", eachDeployment(func(d *appsv1.Deployment, c *corev1.Container) {
		if d.Name == operator {
			inShell(d, c)
		}
	}))
	out := kedaTrust(ctx, append([]string{"inject", "--filename=" + in.file}, asFiles(in.allNames())...)...)
	Expect(out.exit).To(Equal(1))
	for _, object := range out.objects() {
		if object.GetKind() != "Deployment" {
			continue
		}
		report := out.reports()[local.Title(object)]
		Expect(report.Reason).To(Equal(injector.ReasonCommandUnknown))
		Expect(report.Message).To(And(ContainSubstring(operator), ContainSubstring("without a shell")))
		accepted, plain := create(ctx, object), createPlain(ctx, object)
		Expect(accepted.GetLabels()).To(HaveKeyWithValue(injector.LabelState, injector.StateRefused))
		Expect(accepted.Object["spec"]).To(Equal(plain.Object["spec"]))
		Expect(typed(object).Spec).To(Equal(typed(in.find(object)).Spec))
	}
})

// withoutEmpty takes out labels and annotations that are given and hold nothing,
// for they say no more than none.
func withoutEmpty(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, object := range objects {
		object = object.DeepCopy()
		for _, field := range []string{"labels", "annotations"} {
			value, found, err := unstructured.NestedFieldNoCopy(object.Object, "metadata", field)
			if held, _ := value.(map[string]any); err == nil && found && len(held) == 0 {
				unstructured.RemoveNestedField(object.Object, "metadata", field)
			}
		}
		all = append(all, object)
	}
	return all
}

// outcome is what a person has before them after a command.
type outcome struct {
	exit               int
	stdout, complaints string
}

// kedaTrust runs the real binary.
func kedaTrust(ctx context.Context, args ...string) outcome {
	GinkgoHelper()
	command := exec.CommandContext(ctx, binary, append(args, "--report=json")...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		Expect(err).NotTo(HaveOccurred())
	}
	return outcome{exit: command.ProcessState.ExitCode(), stdout: stdout.String(), complaints: stderr.String()}
}

func (o outcome) save(name string) string {
	GinkgoHelper()
	return write(name, o.stdout)
}

// objects are those of what was printed.
func (o outcome) objects() []*unstructured.Unstructured {
	GinkgoHelper()
	objects, err := local.ReadManifest(o.save("printed.yaml"))
	Expect(err).NotTo(HaveOccurred())
	return objects
}

// roots is the name of the ConfigMap of custom CAs, which is printed last.
func (o outcome) roots(ctx context.Context) string {
	GinkgoHelper()
	objects := o.objects()
	last := objects[len(objects)-1]
	Expect(last.GetKind()).To(Equal("ConfigMap"))
	Expect(last.GetName()).To(HavePrefix(injector.PublishedCAPrefix))
	Expect(createPlain(ctx, last).Object["data"]).To(Equal(map[string]any{injector.PublishedCAKey: string(corporateRoot.CertPEM)}))
	return last.GetName()
}

// reports are by title.
func (o outcome) reports() map[string]injector.Report {
	GinkgoHelper()
	reports := map[string]injector.Report{}
	for line := range strings.Lines(o.complaints) {
		var report injector.Report
		Expect(json.Unmarshal([]byte(line), &report)).To(Succeed(), line)
		reports[report.Kind+" "+report.Name] = report
	}
	return reports
}

func (o outcome) expectReports(in installation) {
	GinkgoHelper()
	reports := o.reports()
	for title, want := range in.wanted {
		report := reports[title]
		Expect(report.Reason).To(Equal(want.reason), "%s: %v", title, report)
		Expect(report.Component).To(BeEquivalentTo(want.component), title)
		Expect(report.Injected).To(Equal(want.injected()), title)
		Expect(report.Message).NotTo(BeEmpty(), title)
	}
}
