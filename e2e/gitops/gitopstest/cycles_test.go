package gitopstest

import (
	"slices"
	"testing"
)

func TestPathsNameWhereTwoDocumentsDiffer(t *testing.T) {
	document := func(args []any, replicas any, name string) map[string]any {
		return map[string]any{"spec": map[string]any{
			"replicas":   replicas,
			"containers": []any{map[string]any{"name": name, "args": args}},
		}}
	}
	one := document([]any{"--a"}, int64(1), "c")
	for _, c := range []struct {
		other map[string]any
		want  []string
	}{
		{document([]any{"--a"}, int64(1), "c"), nil},
		{document([]any{"--b"}, int64(1), "c"), []string{".spec.containers[0].args"}},
		{document([]any{"--a", "--b"}, int64(2), "d"), []string{".spec.containers[0].args", ".spec.containers[0].name", ".spec.replicas"}},
		{map[string]any{"spec": map[string]any{"replicas": int64(1), "containers": []any{}, "paused": true}}, []string{".spec.containers", ".spec.paused"}},
		{map[string]any{}, []string{".spec"}},
	} {
		if got := Paths(one, c.other); !slices.Equal(got, c.want) {
			t.Errorf("to %v: got %q, want %q", c.other, got, c.want)
		}
		if got := Paths(c.other, one); !slices.Equal(got, c.want) {
			t.Errorf("from %v: got %q, want %q", c.other, got, c.want)
		}
	}
}
