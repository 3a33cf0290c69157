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

func TestALineOfAnyLengthIsReadToItsEnd(t *testing.T) {
	long := "# " + strings.Repeat("undefined ", 100_000)
	var seen progress
	from := strings.NewReader(long + "\nk8s.io/api/core/v1\nlast words")
	if said := seen.read(from); !slices.Equal(said, []string{long, "last words"}) {
		t.Errorf("kept %d lines", len(said))
	}
	if from.Len() > 0 || seen.compiled.Load() != 1 {
		t.Errorf("%d bytes are left, counted %d packages", from.Len(), seen.compiled.Load())
	}
}
