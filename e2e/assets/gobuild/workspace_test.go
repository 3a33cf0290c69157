package gobuild

import (
	"slices"
	"strings"
	"testing"
)

func TestErrorsAreToldApartFromProgress(t *testing.T) {
	var seen progress
	said := seen.read(strings.NewReader(`go: downloading k8s.io/api v0.37.2
internal/abi
k8s.io/api/core/v1
# k8s.io/api/core/v1
types.go:3:1: syntax error
`))
	want := []string{"# k8s.io/api/core/v1", "types.go:3:1: syntax error"}
	if !slices.Equal(said, want) {
		t.Errorf("kept %q, want %q", said, want)
	}
	if seen.downloaded.Load() != 1 || seen.compiled.Load() != 2 {
		t.Errorf("counted %d downloads and %d packages", seen.downloaded.Load(), seen.compiled.Load())
	}
}
