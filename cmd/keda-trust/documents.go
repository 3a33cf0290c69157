package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// document is one YAML document with the separator line before it, as bytes, so
// that what is not changed comes out as it went in.
type document struct {
	file      string
	number    int // from one
	separator []byte
	body      []byte
	objects   []*object // none for a document that is empty or only comments
	list      bool
	dropped   bool
}

// where names a document in errors and reports.
func (d *document) where() string { return fmt.Sprintf("%s: document %d", d.file, d.number) }

// readFiles reads every document of every file before anything is done with
// one; "-" is standard input.
func readFiles(files []string, stdin io.Reader) ([]*document, error) {
	var all []*document
	var faults []error
	for _, name := range files {
		content, err := readFile(name, stdin)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		documents := split(displayName(name), content)
		for _, d := range documents {
			if err := d.parse(); err != nil {
				faults = append(faults, fmt.Errorf("reading %s: %w", d.where(), err))
			}
		}
		all = append(all, joined(all, documents)...)
	}
	return all, errors.Join(faults...)
}

func displayName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name)
	}
	content, err := io.ReadAll(stdin)
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	return content, nil
}

// joined sees to it that the first document of a further file is separated from
// what is before it.
func joined(before, documents []*document) []*document {
	if len(before) == 0 || len(documents) == 0 || len(documents[0].separator) > 0 {
		return documents
	}
	documents[0].separator = []byte("---\n")
	return documents
}

// split cuts at lines that start a document: "---" in the first column, which
// YAML allows nowhere else, not even in a block of text.
func split(file string, content []byte) []*document {
	documents := []*document{{file: file, number: 1}}
	for len(content) > 0 {
		line := content
		if end := bytes.IndexByte(content, '\n'); end >= 0 {
			line = content[:end+1]
		}
		content = content[len(line):]
		last := documents[len(documents)-1]
		separator, rest, starts := cutSeparator(line)
		switch {
		case !starts:
			last.body = append(last.body, line...)
		case len(documents) == 1 && len(last.separator) == 0 && blank(last.body):
			// what is before the first separator is no document
			last.separator = slices.Concat(last.body, separator)
			last.body = bytes.Clone(rest)
		default:
			documents = append(documents, &document{file: file, number: len(documents) + 1, separator: bytes.Clone(separator), body: bytes.Clone(rest)})
		}
	}
	return documents
}

// cutSeparator also cuts "--- {a: b}", where content follows on the same line.
func cutSeparator(line []byte) (separator, rest []byte, starts bool) {
	if !bytes.HasPrefix(line, []byte("---")) {
		return nil, nil, false
	}
	rest = line[3:]
	if len(rest) > 0 && !strings.ContainsRune(" \t\r\n", rune(rest[0])) {
		return nil, nil, false
	}
	if blank(rest) {
		return line, nil, true
	}
	return line[:3], rest, true
}

// blank says whether text has nothing but blanks, comments and directives.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) > 0 && line[0] != '#' && line[0] != '%' && !bytes.Equal(line, []byte("...")) {
			return false
		}
	}
	return true
}

// parse reads the Kubernetes objects of a document: one, or those of a list.
func (d *document) parse() error {
	if blank(d.body) {
		return nil
	}
	raw, err := yaml.YAMLToJSON(d.body)
	if err != nil {
		return fmt.Errorf("it is not YAML: %s", strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	if string(raw) == "null" {
		return nil
	}
	whole, err := newObject(raw)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(whole.Kind, "List") {
		d.objects = []*object{whole}
		return nil
	}
	return d.parseList(whole)
}

func (d *document) parseList(whole *object) error {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(whole.raw, &list); err != nil {
		return fmt.Errorf("reading items of the %s: %w", whole.Kind, err)
	}
	d.list = true
	for i, raw := range list.Items {
		item, err := newObject(raw)
		if err != nil {
			return fmt.Errorf("items[%d] of the %s: %w", i, whole.Kind, err)
		}
		d.objects = append(d.objects, item)
	}
	return nil
}
