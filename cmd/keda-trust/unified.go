package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"sigs.k8s.io/yaml"
)

// unified is the difference of two objects of JSON, as YAML, empty where there is
// none. What the API server keeps of an object for itself is left out.
func unified(name string, before, after []byte) (string, error) {
	was, err := asYAML(before)
	if err != nil {
		return "", err
	}
	is, err := asYAML(after)
	if err != nil {
		return "", err
	}
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: slices.Collect(strings.Lines(was)), B: slices.Collect(strings.Lines(is)),
		FromFile: name + " (as it is)", ToFile: name + " (enabled)", Context: 3,
	})
}

func asYAML(raw []byte) (string, error) {
	object := map[string]any{}
	if err := json.Unmarshal(raw, &object); err != nil {
		return "", err
	}
	delete(object, "status")
	if metadata, ok := object["metadata"].(map[string]any); ok {
		for _, own := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
			delete(metadata, own)
		}
	}
	text, err := yaml.Marshal(object)
	return string(text), err
}

// printDiff writes a unified difference.
func (s screen) printDiff(text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if s.terminal {
			line = shortened(line)
		}
		if _, err := fmt.Fprintln(s.out, s.paint(colourOf(line), line)); err != nil {
			return err
		}
	}
	return nil
}

func colourOf(line string) string {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		return bold
	case strings.HasPrefix(line, "@@"):
		return cyan
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return ""
}

// shortened keeps a caBundle from filling the screen, and tells two apart that
// begin alike.
func shortened(line string) string {
	const longest, kept = 140, 100
	letters := []rune(line)
	if len(letters) <= longest {
		return line
	}
	sum := sha256.Sum256([]byte(line[1:]))
	return fmt.Sprintf("%s… (%d more, sha256 %x)", string(letters[:kept]), len(letters)-kept, sum[:4])
}
