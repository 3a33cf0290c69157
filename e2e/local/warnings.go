package local

import (
	"slices"
	"sync"
)

// Warnings keeps what the API server warns of, as kubectl would print it.
type Warnings struct {
	mutex sync.Mutex
	texts []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *Warnings) HandleWarningHeader(code int, _ string, text string) {
	const miscellaneous = 299 // the only code that the API server uses
	if code != miscellaneous || text == "" {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

// Take returns what has come since it was called last.
func (w *Warnings) Take() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}
