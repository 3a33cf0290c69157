package injector

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// argv is the command line of a container that starts KEDA directly, read as
// KEDA reads it (pflag): the last use of a flag counts, positional arguments
// between flags are harmless. It writes through to the container.
type argv struct {
	container   *corev1.Container
	underscores bool // the metrics-apiserver takes _ for - in names
	uses        []flagUse
}

// flagUse is one use of a flag. Its element is the one that carries the value:
// "--f=v", a bare "--f", or the "v" that follows "--f".
type flagUse struct {
	name, value string
	inCommand   bool // the element is in command, otherwise in args
	index       int
	separate    bool // the element is nothing but the value
}

// element is one string of the command line and where it stands.
type element struct {
	text      string
	inCommand bool
	index     int
}

// parseArgv reads command and args of c. It is an error where a shell or an
// unknown program is started, and where "--" makes what follows positional.
func parseArgv(c *corev1.Container) (argv, error) {
	elements := elementsOf(c)
	start, err := flagsStart(c, elements)
	if err != nil {
		return argv{}, err
	}
	a := argv{container: c, underscores: commandComponent(c) == ComponentMetricsAPIServer}
	if commandComponent(c) == ComponentNone {
		a.underscores = imageComponent(c.Image) == ComponentMetricsAPIServer
	}
	if err := a.parse(elements[start:]); err != nil {
		return argv{}, fmt.Errorf("container %q: %w", c.Name, err)
	}
	return a, nil
}

func elementsOf(c *corev1.Container) []element {
	out := make([]element, 0, len(c.Command)+len(c.Args))
	for i, text := range c.Command {
		out = append(out, element{text, true, i})
	}
	for i, text := range c.Args {
		out = append(out, element{text, false, i})
	}
	return out
}

// flagsStart is the index of the first element after KEDA's binary.
func flagsStart(c *corev1.Container, elements []element) (int, error) {
	if i := binaryIndex(c); i >= 0 {
		return i + 1, nil
	}
	if len(c.Command) > 0 {
		return 0, fmt.Errorf("container %q has the command %q: want one that starts keda, keda-adapter or keda-admission-webhooks itself, without a shell", c.Name, c.Command)
	}
	if len(elements) > 0 && !strings.HasPrefix(elements[0].text, "-") {
		return 0, fmt.Errorf("container %q has %q as first of its args: want a flag, or the path of keda, keda-adapter or keda-admission-webhooks", c.Name, elements[0].text)
	}
	return 0, nil // the image's own entrypoint
}

// binaryIndex is where KEDA's binary stands among command and args, -1 for
// nowhere. Only known wrappers may stand before it, for "keda" is also what
// other programs are told, as in kubectl -n keda.
func binaryIndex(c *corev1.Container) int {
	for i, text := range c.Command {
		if isBinary(text) {
			return i
		}
		if i == 0 && !wrappers[path.Base(text)] || shells[path.Base(text)] {
			return -1
		}
	}
	if len(c.Command) > 0 || len(c.Args) == 0 {
		return -1
	}
	// without a command the image decides whether this is started or ignored
	first := c.Args[0]
	if isBinary(first) && (path.IsAbs(first) || imageComponent(c.Image) != ComponentNone) {
		return 0
	}
	return -1
}

func isBinary(text string) bool { return binaries[path.Base(text)] != ComponentNone }

// wrappers start the program that they are given, with all that follows it.
var wrappers = flagSet("tini", "dumb-init", "catatonit", "env", "exec", "nice", "timeout", "setpriv", "su-exec", "gosu")

// shells take one string, also behind a wrapper, and ignore what is appended.
var shells = flagSet("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")

func (a *argv) parse(elements []element) error {
	for len(elements) > 0 {
		if elements[0].text == "--" {
			return errors.New(`the element "--" ends the flags: an appended flag would be no flag`)
		}
		name, value, ok := splitFlag(elements[0].text)
		if !ok {
			elements = elements[1:]
			continue
		}
		use, taken := a.read(a.normal(name), value, elements)
		if taken > len(elements) {
			return fmt.Errorf("flag --%s has no value: KEDA does not start", name)
		}
		a.uses = append(a.uses, use)
		elements = elements[taken:]
	}
	return nil
}

// read is the use of a flag that starts with the first of elements, and how
// many of them it takes.
func (a *argv) read(name, value string, elements []element) (use flagUse, taken int) {
	first := elements[0]
	use = flagUse{name: name, value: value, inCommand: first.inCommand, index: first.index}
	if strings.Contains(first.text, "=") {
		return use, 1
	}
	takes := valueFlags[name]
	if !takes && !boolFlags[name] && len(elements) > 1 {
		takes = !strings.HasPrefix(elements[1].text, "-")
	}
	if !takes {
		use.value = "true"
		return use, 1
	}
	if len(elements) > 1 {
		next := elements[1]
		use = flagUse{name: name, value: next.text, inCommand: next.inCommand, index: next.index, separate: true}
	}
	return use, 2
}

// splitFlag splits "--name=value"; single dashes are shorthands, none of which
// concerns keda-trust.
func splitFlag(text string) (name, value string, ok bool) {
	rest, ok := strings.CutPrefix(text, "--")
	if !ok {
		return "", "", false
	}
	name, value, _ = strings.Cut(rest, "=")
	return name, value, name != ""
}

func (a argv) normal(name string) string {
	if a.underscores {
		return strings.ReplaceAll(name, "_", "-")
	}
	return name
}

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
