package injector

import (
	"strings"
	"testing"
)

// Both stand beside one another wherever they are told: "Audit: says what …".
func TestSentencesDoNotRepeatTheirReason(t *testing.T) {
	t.Parallel()
	for reason, sentence := range sentences {
		if strings.HasPrefix(strings.ToLower(sentence), strings.ToLower(string(reason))) || strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: %q repeats the reason, or ends in a period", reason, sentence)
		}
	}
}
