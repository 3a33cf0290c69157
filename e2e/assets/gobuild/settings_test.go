package gobuild

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestOnlyWhatIsUnusualOfGosSettingsNamesAResult(t *testing.T) {
	for variable := range usual {
		t.Setenv(variable, "")
	}
	t.Setenv("GOENV", "off")
	if got := unusual(); len(got) > 0 {
		t.Errorf("Go as it comes has %v", got)
	}
	t.Setenv("GOEXPERIMENT", "jsonv2")
	want := []string{"GOEXPERIMENT=jsonv2"}
	if runtime.GOARCH == "amd64" {
		t.Setenv("GOAMD64", "v3")
		want = []string{"GOAMD64=v3", "GOEXPERIMENT=jsonv2"}
	}
	if got := unusual(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if kubelet.key(want) == kubelet.key(nil) {
		t.Errorf("%v gives the same name, %s", want, kubelet.key(nil))
	}
}

func TestWithoutGoWhatIsInTheCacheIsFound(t *testing.T) {
	t.Setenv("PATH", filepath.Join(t.TempDir(), "none"))
	if got := unusual(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
