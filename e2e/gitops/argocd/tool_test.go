package argocd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	argocommon "github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
	argodiff "github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/sync/resource"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kubectl/pkg/util/openapi"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// controller is Argo CD's application controller, for one Application that heals
// by itself.
type controller struct {
	app     *v1alpha1.Application
	target  []*unstructured.Unstructured
	kubectl *kube.KubectlCmd
	schema  openapi.Resources
	parser  *managedfields.GvkParser
}

func control(app *v1alpha1.Application) *controller {
	GinkgoHelper()
	c := &controller{app: app, target: keda.Git(), kubectl: &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}}
	for _, object := range c.target {
		Expect(argo.NewResourceTracking().SetAppInstance(object, argocommon.LabelKeyAppInstance, app.Name, "keda", v1alpha1.TrackingMethodAnnotation, "")).To(Succeed())
	}
	var err error
	c.schema, c.parser, err = c.kubectl.LoadOpenAPISchema(keda.Config)
	Expect(err).NotTo(HaveOccurred())
	return c
}

// Reconcile compares, and syncs what is out of sync.
func (c *controller) Reconcile(ctx context.Context) (gitopstest.Cycle, error) {
	var cycle gitopstest.Cycle
	live, err := c.live(ctx)
	if err != nil {
		return cycle, err
	}
	config, cleanup, err := c.compareBy()
	if err != nil {
		return cycle, err
	}
	defer cleanup()
	results, err := argodiff.StateDiffs(live, c.target, config)
	if err != nil {
		return cycle, err
	}
	var outOfSync sync.ReconciliationResult
	for index, result := range results.Diffs {
		title := local.Title(c.target[index])
		switch {
		case live[index] == nil:
			cycle.Different = append(cycle.Different, title)
		case result.Modified:
			found, err := differences(result)
			if err != nil {
				return cycle, err
			}
			for _, path := range found {
				cycle.Different = append(cycle.Different, title+" "+path)
			}
		default:
			continue
		}
		cycle.Applied = append(cycle.Applied, title)
		outOfSync.Live = append(outOfSync.Live, live[index])
		outOfSync.Target = append(outOfSync.Target, c.target[index])
	}
	if len(cycle.Applied) == 0 {
		return cycle, nil
	}
	return cycle, c.sync(outOfSync, config)
}

func (c *controller) live(ctx context.Context) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, object := range c.target {
		stored, err := keda.Stored(ctx, object)
		if err != nil {
			return nil, err
		}
		all = append(all, stored)
	}
	return all, nil
}

// compareBy reads the Application's settings as CompareAppState does.
func (c *controller) compareBy() (argodiff.DiffConfig, func(), error) {
	compare := func(option string) bool {
		return resource.HasAnnotationOption(c.app, argocommon.AnnotationCompareOptions, option)
	}
	// Argo CD comes with this one.
	overrides := map[string]v1alpha1.ResourceOverride{
		"*/*": {IgnoreDifferences: v1alpha1.OverrideIgnoreDiff{JSONPointers: []string{"/status"}}},
	}
	builder := argodiff.NewDiffConfigBuilder().
		WithDiffSettings(c.app.Spec.IgnoreDifferences, overrides, false, normalizers.IgnoreNormalizerOpts{}).
		WithTracking(argocommon.LabelKeyAppInstance, string(v1alpha1.TrackingMethodAnnotation)).
		WithNoCache().
		WithGVKParser(c.parser).
		WithManager(argocommon.ArgoCDSSAManager).
		WithIgnoreMutationWebhook(!compare("IncludeMutationWebhook=true")).
		WithStructuredMergeDiff(c.option("ServerSideApply=true")).
		WithLogger(logr.Discard())
	cleanup := func() {}
	if compare("ServerSideDiff=true") {
		applier, done, err := kube.ManageServerSideDiffDryRuns(keda.Config, c.schema, tracing.NopTracer{}, logr.Discard(), nil)
		if err != nil {
			return nil, nil, err
		}
		cleanup = done
		builder.WithServerSideDiff(true).WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier))
	}
	config, err := builder.Build()
	return config, cleanup, err
}

func (c *controller) option(name string) bool {
	return c.app.Spec.SyncPolicy.SyncOptions.HasOption(name)
}

// differences are where what is to be differs from what is, as Argo CD shows it.
func differences(result diff.DiffResult) ([]string, error) {
	var live, predicted any
	if err := json.Unmarshal(result.NormalizedLive, &live); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(result.PredictedLive, &predicted); err != nil {
		return nil, err
	}
	return gitopstest.Paths(live, predicted), nil
}

// sync does what SyncAppState does, until it is done.
func (c *controller) sync(outOfSync sync.ReconciliationResult, config argodiff.DiffConfig) error {
	if c.option("RespectIgnoreDifferences=true") {
		var err error
		if outOfSync.Target, err = respectIgnored(outOfSync, config); err != nil {
			return err
		}
	}
	running, cleanup, err := sync.NewSyncContext("HEAD", outOfSync, keda.Config, keda.Config, c.kubectl, "keda", c.schema,
		sync.WithLogr(logr.Discard()),
		sync.WithOperationSettings(false, false, false, false),
		sync.WithManifestValidation(true),
		sync.WithServerSideApply(c.option("ServerSideApply=true")),
		sync.WithServerSideApplyManager(argocommon.ArgoCDSSAManager),
		sync.WithClientSideApplyMigration(true, common.DefaultClientSideApplyMigrationManager),
	)
	if err != nil {
		return err
	}
	defer cleanup()
	for range 10 {
		running.Sync()
		phase, message, results := running.GetState()
		if phase.Completed() {
			return failed(phase, message, results)
		}
	}
	return fmt.Errorf("syncing: it does not come to an end")
}

func failed(phase common.OperationPhase, message string, results []common.ResourceSyncResult) error {
	if phase.Successful() {
		return nil
	}
	results = slices.DeleteFunc(results, func(result common.ResourceSyncResult) bool {
		return result.Status == common.ResultCodeSynced
	})
	return fmt.Errorf("syncing: %s: %s: %v", phase, message, results)
}
