package gobuild

import (
	"os/exec"
	"strings"
	"testing"
)

func TestAProgramOfTheStandardLibraryIsBuiltOnce(t *testing.T) {
	cache := testCache(t)
	hello := Program{Name: "hello", Main: "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"hello\\n\") }\n"}
	path, err := cache.Build(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path).Output(); err != nil || string(out) != "hello\n" {
		t.Errorf("it said %q, %v", out, err)
	}
	cache.Tell = func(format string, args ...any) { t.Errorf("built again: "+format, args...) }
	if again, err := cache.Build(t.Context(), hello); err != nil || again != path {
		t.Errorf("got %s, %v, want %s", again, err, path)
	}
}

func TestAProgramThatDoesNotCompileSaysWhy(t *testing.T) {
	_, err := testCache(t).Build(t.Context(), Program{Name: "broken", Main: "package main\n\nfunc main() { missing() }\n"})
	if err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("got %v", err)
	}
}

func TestWhateverDecidesABuildIsInItsName(t *testing.T) {
	var cache Cache
	base := kubelet
	for story, change := range map[string]func(*Program){
		"another name":    func(p *Program) { p.Name = "kubectl" },
		"another module":  func(p *Program) { p.Module = "example.org/kubernetes" },
		"another version": func(p *Program) { p.Version = "v1.37.3" },
		"another package": func(p *Program) { p.Package = "/cmd/kubectl" },
		"another source":  func(p *Program) { p.Main = "package main" },
		"another linking": func(p *Program) { p.Linking = "-X a.b=c" },
		"other libraries": func(p *Program) { p.Staging = "v0.37.3" },
	} {
		changed := base
		change(&changed)
		if cache.Path(changed) == cache.Path(base) {
			t.Errorf("%s gives the same path, %s", story, cache.Path(base))
		}
	}
	told := base
	told.Takes = "an hour"
	if cache.Path(told) != cache.Path(base) {
		t.Error("what is told while it is built decides where it is")
	}
}
