package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// assemble joins the documents that are left.
func assemble(documents []*document) ([]byte, error) {
	var out []byte
	for _, d := range documents {
		if d.dropped() {
			continue
		}
		body, err := d.render()
		if err != nil {
			return nil, err
		}
		if len(d.separator) > 0 && len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, d.lines([]byte("\n"))...)
		}
		out = append(append(out, d.separator...), body...)
	}
	return out, nil
}

func (d *document) dropped() bool { return !d.list && len(d.objects) == 1 && d.objects[0].dropped }

// render is what becomes of a document. The comments at its head stay, as those
// by which Helm says where a document is from.
func (d *document) render() ([]byte, error) {
	changed := false
	for _, o := range d.objects {
		changed = changed || o.changed || o.dropped
	}
	if !changed {
		return d.body, nil
	}
	raw := d.objects[0].raw
	if d.list {
		var err error
		if raw, err = d.relist(); err != nil {
			return nil, err
		}
	}
	body, err := yaml.JSONToYAML(raw)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", d.where(), err)
	}
	return append(head(d.body), d.lines(body)...), nil
}

// lines gives text of ours the line ends of the file. A line end inside a value
// is none of these: YAML escapes it, or takes either for the same.
func (d *document) lines(text []byte) []byte {
	if !d.crlf {
		return text
	}
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
}

func (d *document) relist() ([]byte, error) {
	whole, err := yaml.YAMLToJSON(d.body)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.where(), err)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(whole, &fields); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.where(), err)
	}
	items := make([]json.RawMessage, 0, len(d.objects))
	for _, o := range d.objects {
		if !o.dropped {
			items = append(items, o.raw)
		}
	}
	if fields["items"], err = json.Marshal(items); err != nil {
		return nil, fmt.Errorf("writing %s: %w", d.where(), err)
	}
	return json.Marshal(fields)
}
