package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Colours, as ANSI sequences.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	bold   = "\x1b[1m"
	normal = "\x1b[0m"
)

// screen is where a person reads: a terminal has colours, and no room for long
// lines; whatever else it is gets the text and all of it.
type screen struct {
	out      io.Writer
	terminal bool
	colours  bool
}

func newScreen(out io.Writer) screen {
	file, isFile := out.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	return screen{out: out, terminal: terminal, colours: terminal && os.Getenv("NO_COLOR") == ""}
}

func (s screen) paint(colour, text string) string {
	if !s.colours || colour == "" {
		return text
	}
	return colour + text + normal
}
