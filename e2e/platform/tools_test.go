package platform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheRevisionTellsOfChangesButThoseOfTheResults(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("e2e/README.md", "no results")
	write("go.mod", "module example.com/it")
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "commit.gpgsign=false", "-c", "user.name=it", "-c", "user.email=it@example.com", "commit", "-q", "-m", "it"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	revision := func() string {
		r, err := (&Platform{root: root, dir: t.TempDir()}).Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	clean := revision()
	if clean == "" || strings.Contains(clean, "dirty") {
		t.Fatalf("the revision is %q", clean)
	}
	write("e2e/README.md", "a result")
	if got := revision(); got != clean {
		t.Errorf("with a result the revision is %q, want %q", got, clean)
	}
	write("go.mod", "module example.com/other")
	if got, want := revision(), clean+"-dirty"; got != want {
		t.Errorf("with a change the revision is %q, want %q", got, want)
	}
}
