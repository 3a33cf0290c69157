package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// document is one YAML document with the separator line before it, as bytes, so
// that what is not changed comes out as it went in.
type document struct {
	file      string
	number    int  // from one
	line      int  // of the file, where body begins, from one
	crlf      bool // every line of the file ends so
	separator []byte
	body      []byte
	objects   []*object // none for a document that is empty or only comments
	list      bool
}

// where names a document in errors and reports.
func (d *document) where() string { return fmt.Sprintf("%s: document %d", d.file, d.number) }

// readFiles reads every document of every file before anything is done with
// one; "-" is standard input.
func readFiles(files []string, stdin io.Reader) ([]*document, error) {
	var all []*document
	var faults []error
	for _, name := range files {
		documents, err := readFile(name, stdin)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, joined(all, documents)...)
	}
	if len(faults) == 0 && nothing(all) {
		faults = append(faults, errors.New("reading the input: there is no Kubernetes object in it"))
	}
	return all, errors.Join(faults...)
}

// nothing is what an earlier command of a pipe leaves that has failed.
func nothing(documents []*document) bool {
	for _, d := range documents {
		if d.list || len(d.objects) > 0 {
			return false
		}
	}
	return true
}

func readFile(name string, stdin io.Reader) ([]*document, error) {
	var content []byte
	var err error
	if name == "-" {
		name = "standard input"
		content, err = io.ReadAll(stdin)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, withoutPath(err))
	}
	// a parser of one document drops all others of UTF-16
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("reading %s: it is not UTF-8 text; save it as such", name)
	}
	documents := split(name, content)
	var faults []error
	for _, d := range documents {
		if err := d.parse(); err != nil {
			faults = append(faults, fmt.Errorf("reading %s: %w", d.where(), err))
		}
	}
	return documents, errors.Join(faults...)
}

// withoutPath is for messages that name the file already.
func withoutPath(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// joined sees to it that the first document of a further file is separated from
// what is before it.
func joined(before, documents []*document) []*document {
	if len(before) == 0 {
		return documents
	}
	first := documents[0]
	first.separator = bytes.TrimPrefix(first.separator, byteOrderMark)
	if len(first.separator) == 0 {
		first.separator = first.lines([]byte("---\n"))
	}
	return documents
}

// parse reads the Kubernetes objects of a document: one, or those of a list.
func (d *document) parse() error {
	if blank(d.body) {
		return nil
	}
	if err := checkOne(d.body); err != nil {
		return err
	}
	raw, err := yaml.YAMLToJSON(d.body)
	if err != nil {
		return fmt.Errorf("it is not YAML: %s", strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	if string(raw) == "null" {
		return nil
	}
	whole, err := newObject(raw, d, d.where())
	if err != nil {
		return err
	}
	if !whole.isList() {
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
		return fmt.Errorf("the %s: %w", whole.Kind, plain(err))
	}
	d.list = true
	for i, raw := range list.Items {
		item, err := newObject(raw, d, fmt.Sprintf("%s: items[%d]", d.where(), i))
		if err != nil {
			return fmt.Errorf("items[%d] of the %s: %w", i, whole.Kind, err)
		}
		if item.isList() {
			return fmt.Errorf("items[%d] of the %s: it is a list itself; put its items into a document of their own", i, whole.Kind)
		}
		d.objects = append(d.objects, item)
	}
	return nil
}
