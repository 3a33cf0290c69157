package gitopstest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

var fenced = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// Settings are the YAML documents of a kind that the README gives to its
// readers, in its order, as they stand there.
func Settings(tb testing.TB, root, kind string) [][]byte {
	tb.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	must(tb, err)
	var found [][]byte
	for _, block := range fenced.FindAllSubmatch(readme, -1) {
		var said struct{ Kind string }
		must(tb, yaml.Unmarshal(block[1], &said))
		if said.Kind == kind {
			found = append(found, block[1])
		}
	}
	return found
}
