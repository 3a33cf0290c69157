package gobuild

import (
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"sync"
)

// usual are the settings that decide what Go compiles, besides its version and
// the platform, and what they are where nobody has set them. Those of other
// platforms are empty.
var usual = map[string]string{"GOAMD64": "v1", "GOARM64": "v8.0", "GOEXPERIMENT": "", "GOFIPS140": "off"}

// settings asks Go once.
var settings = sync.OnceValue(unusual)

// unusual returns the settings that differ from the usual ones, as in
// GOAMD64=v3. Where no Go answers it knows of none: what is in the cache can be
// used without, and building anything says what is wrong.
func unusual() []string {
	names := slices.Sorted(maps.Keys(usual))
	out, err := exec.Command("go", append([]string{"env", "-json"}, names...)...).Output()
	if err != nil {
		return nil
	}
	var set map[string]string
	if err := json.Unmarshal(out, &set); err != nil {
		return nil
	}
	var differ []string
	for _, name := range names {
		if value := set[name]; value != "" && value != usual[name] {
			differ = append(differ, name+"="+value)
		}
	}
	return differ
}
