package main

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
)

// decode reads an object that is used, and so has to say what it says once.
func decode[T any](o *object) (*T, error) {
	if err := o.checkKeys(); err != nil {
		return nil, err
	}
	return decodeAny[T](o)
}

// decodeAny reads an object that may turn out not to be KEDA's, as the API
// server does, which tells "args" from "Args" as encoding/json does not.
func decodeAny[T any](o *object) (*T, error) {
	into := new(T)
	if err := json.Unmarshal(o.raw, into); err != nil {
		return nil, fmt.Errorf("reading %s: %s: %w", o.where, o.describe(), plain(err))
	}
	return into, nil
}

// plain says in words of YAML what a decoder says in those of Go.
func plain(err error) error {
	var wrong *stdjson.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	field := wrong.Field
	for _, embedded := range []string{"TypeMeta.", "ObjectMeta."} {
		field = strings.ReplaceAll(field, embedded, "")
	}
	if field == "" {
		field = "it"
	}
	hint := ""
	if wrong.Type.Kind() == reflect.String && (wrong.Value == "bool" || strings.HasPrefix(wrong.Value, "number")) {
		hint = "; quote it"
	}
	return fmt.Errorf("%s is %s, want %s%s", field, given(wrong.Value), wanted(wrong.Type), hint)
}

// given is what a value is, after "number 5" or the like.
func given(value string) string {
	switch kind, _, _ := strings.Cut(value, " "); kind {
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	case "bool":
		return "a boolean"
	default:
		return "a " + kind
	}
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	}
	return "a number"
}
