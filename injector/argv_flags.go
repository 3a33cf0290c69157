package injector

import (
	"slices"
	"strings"
)

// of returns the uses of a flag in order.
func (a argv) of(flag string) []flagUse {
	var out []flagUse
	for _, use := range a.uses {
		if use.name == flag {
			out = append(out, use)
		}
	}
	return out
}

// last is the value that counts: KEDA takes the last use.
func (a argv) last(flag string) (value string, found bool) {
	uses := a.of(flag)
	if len(uses) == 0 {
		return "", false
	}
	return uses[len(uses)-1].value, true
}

// all are the values of a flag that may be repeated, in order.
func (a argv) all(flag string) []string {
	var out []string
	for _, use := range a.of(flag) {
		out = append(out, use.value)
	}
	return out
}

// count is how often a flag is used.
func (a argv) count(flag string) int { return len(a.of(flag)) }

// raw is the text of the element that carries the last value of a flag.
func (a argv) raw(flag string) (text string, found bool) {
	uses := a.of(flag)
	if len(uses) == 0 {
		return "", false
	}
	use := uses[len(uses)-1]
	return (*a.list(use))[use.index], true
}

func (a argv) list(use flagUse) *[]string {
	if use.inCommand {
		return &a.container.Command
	}
	return &a.container.Args
}

// set changes the last use of a flag where it stands, and appends one where
// there is none.
func (a *argv) set(flag, value string) {
	for i := len(a.uses) - 1; i >= 0; i-- {
		use := &a.uses[i]
		if use.name != flag {
			continue
		}
		text := &(*a.list(*use))[use.index]
		use.value = value
		if use.separate {
			*text = value
			return
		}
		spelling, _, _ := strings.Cut(*text, "=")
		*text = spelling + "=" + value
		return
	}
	a.add(flag, value)
}

// add appends one more use of a flag to args, which follow command.
func (a *argv) add(flag, value string) {
	a.uses = append(a.uses, flagUse{name: flag, value: value, index: len(a.container.Args)})
	a.container.Args = append(slices.Clip(a.container.Args), "--"+flag+"="+value)
}
