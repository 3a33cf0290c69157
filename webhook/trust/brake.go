package trust

import (
	"fmt"
	"sync"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// quiet is how long what was published stays before sources that flap are followed
// again. Who corrects what was written a moment ago does not wait.
const quiet = time.Minute

// followed is what the state that is published was made from.
type followed struct {
	// target is the ID of the state that the sources asked for, empty where nothing
	// is published.
	target string
	// asked is what the annotations asked for.
	asked string
	// incomplete: no CA was known yet.
	incomplete bool
	published  time.Time
}

// heldBack is how long the state called target, of annotations that ask for what
// asked names, is not to be published yet; zero for not at all. It is pure. What
// is under way to its target is never held back, whichever stage it is at, and
// nor is what somebody asks for now:
//
//	published   its target  annotations  published for  held back
//	nothing     -           -            -              no
//	without CA  -           -            -              no
//	yes         the same    -            -              no
//	yes         another     others       -              no
//	yes         another     the same     shorter        for the rest
//	yes         another     the same     longer         no
func (f followed) heldBack(target, asked string, now time.Time, quiet time.Duration) time.Duration {
	age := now.Sub(f.published)
	if f.target == "" || f.incomplete || f.target == target || f.asked != asked || age < 0 || age >= quiet {
		return 0
	}
	return quiet - age
}

// tooOften is a change beyond the first, and the one that undoes or corrects it.
const tooOften = 3

// episode is how often in a row the sources changed without rest.
type episode struct {
	wanted  string
	changed time.Time
	changes int
}

// look takes note of the state that the sources ask for now.
func (e episode) look(wanted string, now time.Time, quiet time.Duration) episode {
	switch {
	case e.wanted == "":
		return episode{wanted: wanted, changed: now}
	case e.wanted == wanted && now.Sub(e.changed) >= quiet:
		e.changes = 0
	case e.wanted != wanted && now.Sub(e.changed) >= quiet:
		return episode{wanted, now, 1}
	case e.wanted != wanted:
		return episode{wanted, now, e.changes + 1}
	}
	return e
}

func (e episode) flaps() bool { return e.changes >= tooOften }

// episodes are those of all namespaces. They are kept in memory only: another
// leader tells of a source that still flaps once more.
type episodes struct {
	mu sync.Mutex
	of map[string]episode
}

func newEpisodes() *episodes { return &episodes{of: map[string]episode{}} }

func (e *episodes) look(namespace, wanted string, now time.Time, quiet time.Duration) []injector.Finding {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.of[namespace].look(wanted, now, quiet)
	e.of[namespace] = seen
	if !seen.flaps() {
		return nil
	}
	return []injector.Finding{{
		Reason: injector.ReasonSourceFlapping, Object: "Namespace " + namespace, Warning: true,
		Message: fmt.Sprintf("what the annotations name changes again and again, and is followed every %s only; see who writes it, two writers may be at odds", quiet),
	}}
}

func (e *episodes) forget(namespace string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.of, namespace)
}
