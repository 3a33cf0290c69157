package injector

import (
	"errors"
	"fmt"
	"path"
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

// isBinary is not misled by the value of a flag, as in --cert-dir=/etc/keda, or
// of a variable that env sets.
func isBinary(text string) bool {
	return binaries[path.Base(text)] != ComponentNone && !strings.Contains(text, "=")
}

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
