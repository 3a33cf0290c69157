package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pmezard/go-difflib/difflib"
	"golang.org/x/term"
)

// Colours of a unified diff, as ANSI sequences.
const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	bold  = "\x1b[1m"
	plain = "\x1b[0m"
)

// printer writes the demo's story.
type printer struct {
	to     io.Writer
	colour bool
	start  time.Time
}

func newPrinter(to *os.File) *printer {
	return &printer{to: to, colour: colourful(os.Getenv, term.IsTerminal(int(to.Fd()))), start: time.Now()}
}

// colourful decides on colours: NO_COLOR beats FORCE_COLOR beats what the
// output is.
func colourful(getenv func(string) string, terminal bool) bool {
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case getenv("FORCE_COLOR") != "":
		return true
	default:
		return terminal
	}
}

// step opens a chapter.
func (p *printer) step(format string, args ...any) {
	title := fmt.Sprintf(format, args...)
	fmt.Fprintf(p.to, "\n%s  %s\n", p.paint(bold, title), fmt.Sprintf("[%.1fs]", time.Since(p.start).Seconds()))
}

// say writes a paragraph.
func (p *printer) say(format string, args ...any) {
	fmt.Fprintf(p.to, format+"\n", args...)
}

// version is one of the two texts that diff compares.
type version struct {
	name, text string
}

// diff shows what changed between two versions; it tells whether anything did.
func (p *printer) diff(before, after version) bool {
	text := unified(before, after)
	for line := range strings.Lines(text) {
		line = shorten(strings.TrimSuffix(line, "\n"))
		fmt.Fprintln(p.to, p.paint(colourOf(line), line))
	}
	return text != ""
}

func (p *printer) paint(colour, text string) string {
	if !p.colour || colour == "" {
		return text
	}
	return colour + text + plain
}

func unified(before, after version) string {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A:        slices.Collect(strings.Lines(before.text)),
		B:        slices.Collect(strings.Lines(after.text)),
		FromFile: before.name,
		ToFile:   after.name,
		Context:  3,
	})
	if err != nil {
		// It writes to memory, which does not fail.
		return err.Error()
	}
	return text
}

func colourOf(line string) string {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		return bold
	case strings.HasPrefix(line, "@@"):
		return cyan
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return ""
}

// shorten keeps a caBundle or a record from filling the screen.
func shorten(line string) string {
	const longest = 140
	letters := []rune(line)
	if len(letters) <= longest {
		return line
	}
	return fmt.Sprintf("%s… (%d more)", string(letters[:longest]), len(letters)-longest)
}
