package gitopstest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// Cycle is one look of a tool at all that Git says.
type Cycle struct {
	// Different is what it found to differ, each as Paths has it behind the title
	// of its object: "Deployment keda-operator .spec.replicas".
	Different []string
	// Applied are the titles of the objects that it wrote because of that.
	Applied []string
}

// Tool is a GitOps controller that corrects a difference as soon as it sees it.
type Tool interface {
	Reconcile(ctx context.Context) (Cycle, error)
}

// Record is what some cycles came to.
type Record struct {
	Different map[string]int // cycles in which it was found, by what differed
	Applied   map[string]int // writes that were sent, by title
	Stored    map[string]int // cycles after which another version was stored, by title
	Rolled    []string       // titles of Deployments whose pods are of another template at the end
}

// Run lets a tool reconcile so many times. It ends at the first error of the
// tool, as any conflict is one.
func (i *Installation) Run(ctx context.Context, tool Tool, cycles int) (*Record, error) {
	record := &Record{Different: map[string]int{}, Applied: map[string]int{}, Stored: map[string]int{}}
	first, err := i.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	last := first
	for cycle := range cycles {
		seen, err := tool.Reconcile(ctx)
		if err != nil {
			return nil, fmt.Errorf("cycle %d: %w", cycle+1, err)
		}
		for _, what := range seen.Different {
			record.Different[what]++
		}
		for _, title := range seen.Applied {
			record.Applied[title]++
		}
		now, err := i.snapshot(ctx)
		if err != nil {
			return nil, err
		}
		for title, object := range now {
			if last[title] == nil || last[title].GetResourceVersion() != object.GetResourceVersion() {
				record.Stored[title]++
			}
		}
		last = now
	}
	for _, title := range slices.Sorted(maps.Keys(last)) {
		if object := last[title]; object.GetKind() == "Deployment" && !sameTemplate(first[title], object) {
			record.Rolled = append(record.Rolled, title)
		}
	}
	return record, nil
}

// sameTemplate is by what a ReplicaSet is made for.
func sameTemplate(a, b *unstructured.Unstructured) bool {
	if a == nil {
		return false
	}
	before, _, _ := unstructured.NestedFieldNoCopy(a.Object, "spec", "template")
	after, _, _ := unstructured.NestedFieldNoCopy(b.Object, "spec", "template")
	return equality.Semantic.DeepEqual(before, after)
}

// snapshot is what is stored of what Git says, by title.
func (i *Installation) snapshot(ctx context.Context) (map[string]*unstructured.Unstructured, error) {
	objects := map[string]*unstructured.Unstructured{}
	for _, object := range i.git {
		stored, err := i.Stored(ctx, object)
		if err != nil {
			return nil, err
		}
		if stored != nil {
			objects[local.Title(stored)] = stored
		}
	}
	return objects, nil
}

// String is for a report.
func (r *Record) String() string {
	return fmt.Sprintf("different:%s\napplied:%s\nstored:%s\nrolled: %v", lines(r.Different), lines(r.Applied), lines(r.Stored), r.Rolled)
}

func lines(counts map[string]int) string {
	if len(counts) == 0 {
		return " nothing"
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&text, "\n  %d times %s", counts[key], key)
	}
	return text.String()
}

// Paths are where two JSON documents differ, sorted: ".spec.replicas",
// ".spec.ports[0].port". A list that has another length, or holds no objects,
// differs as a whole.
func Paths(a, b any) []string {
	found := paths(a, b, "")
	slices.Sort(found)
	return found
}

func paths(a, b any, at string) []string {
	if equality.Semantic.DeepEqual(a, b) {
		return nil
	}
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			return pathsOfObjects(a, b, at)
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) && len(a) > 0 {
			return pathsOfLists(a, b, at)
		}
	}
	return []string{at}
}

func pathsOfObjects(a, b map[string]any, at string) []string {
	var found []string
	for key, value := range a {
		found = append(found, paths(value, b[key], at+"."+key)...)
	}
	for key := range b {
		if _, both := a[key]; !both {
			found = append(found, at+"."+key)
		}
	}
	return found
}

func pathsOfLists(a, b []any, at string) []string {
	if _, object := a[0].(map[string]any); !object {
		return []string{at}
	}
	var found []string
	for index := range a {
		found = append(found, paths(a[index], b[index], fmt.Sprintf("%s[%d]", at, index))...)
	}
	return found
}
