package node

import (
	"reflect"
	"testing"
)

// Down of one must not take what is another's, and both are up at a time.
func TestNodesHaveNothingInCommon(t *testing.T) {
	seen := map[string]int{}
	for number := 1; number <= Most; number++ {
		n := New(number, t.Logf)
		for i := range reflect.TypeFor[Node]().NumField() {
			value, ok := reflect.ValueOf(n).Field(i).Interface().(string)
			if !ok {
				continue
			}
			if other := seen[value]; other != 0 && other != number {
				t.Errorf("%s of %d and of %d is %s", reflect.TypeFor[Node]().Field(i).Name, other, number, value)
			}
			seen[value] = number
		}
	}
	if len(seen) != 5*Most {
		t.Errorf("saw %d values: %v", len(seen), seen)
	}
}
