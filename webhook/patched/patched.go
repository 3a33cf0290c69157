package patched

import (
	"encoding/json"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/keda-trust/keda-trust/injector"
)

// Object is raw as result leaves it, which without operations is raw itself. An
// error does not name the object.
func Object(raw []byte, result injector.Result) ([]byte, error) {
	if len(result.Patch) == 0 {
		return raw, nil
	}
	encoded, err := json.Marshal(result.Patch)
	if err != nil {
		return nil, fmt.Errorf("encoding the change: %w", err)
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		return nil, fmt.Errorf("decoding the change: %w", err)
	}
	out, err := patch.Apply(raw)
	if err != nil {
		return nil, fmt.Errorf("applying the change: %w", err)
	}
	return out, nil
}
