package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

var (
	// quoted it is a key like any other, and what it brings may be overridden
	mergeKey = regexp.MustCompile(`(?m)(^|[\s{,])<<(\s*:\s)`)
	repeated = regexp.MustCompile(`line (\d+): key (.+) already set in map`)
)

// checkKeys refuses an object that is used and gives a key more than once, of
// which a parser keeps the last and drops what else its owner wrote. In a list
// any item counts, for a list is written anew as a whole.
func (o *object) checkKeys() error {
	err := o.document.checkKeys()
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading %s: %s: %w", o.where, o.describe(), err)
}

func (d *document) checkKeys() error {
	_, err := yaml.YAMLToJSONStrict(mergeKey.ReplaceAll(d.body, []byte(`$1"<<"$2`)))
	if err == nil {
		return nil
	}
	var keys []string
	for _, found := range repeated.FindAllStringSubmatch(err.Error(), -1) {
		line, _ := strconv.Atoi(found[1]) // of digits
		keys = append(keys, fmt.Sprintf("the key %s is given again in line %d", found[2], d.line+line-1))
	}
	if len(keys) == 0 {
		return fmt.Errorf("reading its keys: %w", err)
	}
	return errors.New(strings.Join(keys, ", ") + "; only the last would be kept, so keep one")
}
