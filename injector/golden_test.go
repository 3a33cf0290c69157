package injector

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden parts of testdata/*.txtar")

// golden is one case: the story, what comes in, and what is wanted. A want.yaml
// that is empty says that the object is left as it was.
type golden struct {
	archive *txtar.Archive
	parts   map[string]string
}

// Parts of a case. request.yaml, old.yaml are optional.
var goldenParts = map[string]bool{"request.yaml": true, "input.yaml": true, "old.yaml": true, "want.yaml": true, "report.yaml": true}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := golden{archive: archive, parts: map[string]string{}}
	if len(archive.Comment) == 0 {
		t.Error("the case tells no story")
	}
	for _, part := range archive.Files {
		if !goldenParts[part.Name] {
			t.Errorf("part %q is not one of %v", part.Name, goldenParts)
		}
		g.parts[part.Name] = string(part.Data)
	}
	return g
}

func (g golden) request(t *testing.T) Request {
	t.Helper()
	var fields struct {
		Mode              Mode
		Offline           bool
		State             *State
		Faults            []Finding
		ValidatingWebhook string
		Unpatched         string
	}
	fields.Mode = ModeEnabled
	if err := yaml.UnmarshalStrict([]byte(g.parts["request.yaml"]), &fields); err != nil {
		t.Fatal(err)
	}
	if fields.State != nil {
		fields.State = sealed(t, *fields.State)
	}
	r := Request{
		Object: asJSON(t, g.parts["input.yaml"]), Mode: fields.Mode, State: fields.State, Findings: fields.Faults,
		Offline: fields.Offline, ValidatingWebhook: fields.ValidatingWebhook, Unpatched: fields.Unpatched,
	}
	if old := g.parts["old.yaml"]; old != "" {
		r.OldObject = asJSON(t, old)
	}
	return r
}

func TestGolden(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue // the corpora of fuzz targets
		}
		name, isCase := strings.CutSuffix(entry.Name(), ".txtar")
		if !isCase {
			t.Errorf("testdata/%s is stale: no test reads it", entry.Name())
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testGolden(t, filepath.Join("testdata", entry.Name()))
		})
	}
}

func testGolden(t *testing.T, file string) {
	g := readGolden(t, file)
	r := g.request(t)
	result := Inject(r)
	out := patched(t, r.Object, result.Patch)
	g.compare(t, file, wanted(t, r.Object, out), result.Report)

	again := r
	again.Object, again.OldObject = out, out
	assertNoChange(t, again)
	if !strings.Contains(g.parts["input.yaml"], VolumeCertificates) && !strings.Contains(g.parts["input.yaml"], EnvCertificate) && !strings.Contains(g.parts["input.yaml"], AnnotationInjected) {
		assertUninjects(t, out, r.Object)
	}
}

func wanted(t *testing.T, in, out []byte) string {
	t.Helper()
	if string(in) == string(out) {
		return ""
	}
	return asYAML(t, out)
}

func (g golden) compare(t *testing.T, file, want string, report Report) {
	t.Helper()
	raw, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"want.yaml": want, "report.yaml": asYAML(t, raw)}
	if *update {
		g.write(t, file, got)
		return
	}
	for _, name := range []string{"want.yaml", "report.yaml"} {
		if g.parts[name] != got[name] {
			t.Errorf("%s is\n%s\nwant\n%s", name, got[name], g.parts[name])
		}
	}
}

func (g golden) write(t *testing.T, file string, got map[string]string) {
	t.Helper()
	var kept []txtar.File
	for _, part := range g.archive.Files {
		if _, golden := got[part.Name]; !golden {
			kept = append(kept, part)
		}
	}
	for _, name := range []string{"want.yaml", "report.yaml"} {
		kept = append(kept, txtar.File{Name: name, Data: []byte(got[name])})
	}
	g.archive.Files = kept
	if err := os.WriteFile(file, txtar.Format(g.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
