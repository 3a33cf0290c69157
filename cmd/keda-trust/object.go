package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"
	operations "gomodules.xyz/jsonpatch/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// object is one Kubernetes object of the input. Its JSON is only replaced by the
// result of a patch, so fields and numbers that nobody here knows stay.
type object struct {
	metav1.PartialObjectMetadata
	raw     []byte
	changed bool
}

func newObject(raw []byte) (*object, error) {
	o := &object{raw: raw}
	if err := json.Unmarshal(raw, &o.PartialObjectMetadata); err != nil {
		return nil, fmt.Errorf("it is not a Kubernetes object: %w", err)
	}
	if o.APIVersion == "" || o.Kind == "" {
		return nil, errors.New("it is not a Kubernetes object: it has no apiVersion or no kind")
	}
	return o, nil
}

// patch applies what the injector returned.
func (o *object) patch(ops []operations.Operation) error {
	if len(ops) == 0 {
		return nil
	}
	encoded, err := json.Marshal(ops)
	if err != nil {
		return fmt.Errorf("encoding the change of %s: %w", o.describe(), err)
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		return fmt.Errorf("decoding the change of %s: %w", o.describe(), err)
	}
	if o.raw, err = patch.Apply(o.raw); err != nil {
		return fmt.Errorf("changing %s: %w", o.describe(), err)
	}
	o.changed = true
	return nil
}

func (o *object) describe() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// render is what becomes of a document. The comments at its head stay, as those
// by which Helm says where a document is from.
func (d *document) render() ([]byte, error) {
	changed := false
	for _, o := range d.objects {
		changed = changed || o.changed
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
	return append(head(d.body), body...), nil
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
		items = append(items, o.raw)
	}
	if fields["items"], err = json.Marshal(items); err != nil {
		return nil, fmt.Errorf("writing %s: %w", d.where(), err)
	}
	return json.Marshal(fields)
}

// head is the comments and blank lines before the first field.
func head(body []byte) []byte {
	var top []byte
	for line := range bytes.Lines(body) {
		if !blank(line) {
			break
		}
		top = append(top, line...)
	}
	return top
}

// assemble joins the documents that are left.
func assemble(documents []*document) ([]byte, error) {
	var out []byte
	for _, d := range documents {
		if d.dropped {
			continue
		}
		body, err := d.render()
		if err != nil {
			return nil, err
		}
		if len(d.separator) > 0 && len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		out = append(append(out, d.separator...), body...)
	}
	return out, nil
}
