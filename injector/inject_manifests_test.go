package injector

import (
	"path/filepath"
	"testing"
)

func TestRealManifestsAreInjectedOnceAndGivenBack(t *testing.T) {
	t.Parallel()
	dir := manifestsOfKEDA(t)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifest in %s: %v", dir, err)
	}
	states := map[string]*State{"published": publishedState(t), "KEDA issues": kedaIssuesState(t)}
	for _, file := range files {
		for name, state := range states {
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, document := range documentsOf(t, file) {
					assertGivenBack(t, document, state)
				}
			})
		}
	}
}

func assertGivenBack(t *testing.T, document []byte, state *State) {
	t.Helper()
	r := Inject(Request{Object: document, Mode: ModeEnabled, State: state})
	out := patched(t, document, r.Patch)
	if r.Report.Component != "" && r.Report.Reason != ReasonInjected && r.Report.Reason != ReasonOwnedElsewhere {
		t.Errorf("%s %s: %s: %s", r.Report.Kind, r.Report.Name, r.Report.Reason, r.Report.Message)
	}
	if r.Report.Injected && len(r.Patch) == 0 {
		t.Errorf("%s %s counts as injected and nothing was changed", r.Report.Kind, r.Report.Name)
	}
	assertNoChange(t, Request{Object: out, Mode: ModeEnabled, State: state})
	assertUninjects(t, out, document)
}
