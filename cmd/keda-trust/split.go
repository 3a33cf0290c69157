package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

var byteOrderMark = []byte("\ufeff")

// split cuts at lines that start a document: "---" in the first column, which
// YAML allows nowhere else, not even in a block of text.
func split(file string, content []byte) []*document {
	ends := bytes.Count(content, []byte("\n"))
	crlf := ends > 0 && bytes.Count(content, []byte("\r\n")) == ends
	first := &document{file: file, number: 1, line: 1, crlf: crlf}
	if rest, found := bytes.CutPrefix(content, byteOrderMark); found {
		first.separator, content = byteOrderMark, rest
	}
	documents, started, next := []*document{first}, false, 1
	for line := range bytes.Lines(content) {
		next++
		last := documents[len(documents)-1]
		separator, rest, starts := cutSeparator(line)
		switch {
		case !starts:
			last.body = append(last.body, line...)
		case !started && blank(last.body):
			// what is before the first separator is no document
			last.separator = slices.Concat(last.separator, last.body, separator)
			last.body, last.line = bytes.Clone(rest), bodyAt(next, rest)
		default:
			documents = append(documents, &document{
				file: file, number: len(documents) + 1, line: bodyAt(next, rest), crlf: crlf,
				separator: bytes.Clone(separator), body: bytes.Clone(rest),
			})
		}
		started = started || starts
	}
	return documents
}

// bodyAt is the line after a separator, or its own where content follows on it.
func bodyAt(next int, rest []byte) int {
	if len(rest) > 0 {
		return next - 1
	}
	return next
}

// cutSeparator also cuts "--- {a: b}", where content follows on the same line.
func cutSeparator(line []byte) (separator, rest []byte, starts bool) {
	if !marks(line, "---") {
		return nil, nil, false
	}
	if rest = line[3:]; !blank(rest) {
		return line[:3], rest, true
	}
	return line, nil, true
}

// marks says whether line begins with a marker of YAML.
func marks(line []byte, marker string) bool {
	rest, found := bytes.CutPrefix(line, []byte(marker))
	return found && (len(rest) == 0 || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// blank says whether text has nothing but blanks, comments and directives.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' && !bytes.Equal(line, []byte("...")) {
			return false
		}
	}
	return true
}

// checkOne refuses what a parser of one document drops in silence: what follows
// "...", where YAML begins another, or an object of JSON.
func checkOne(body []byte) error {
	at := 0
	for line := range bytes.Lines(body) {
		at += len(line)
		if marks(line, "...") && !blank(body[at:]) {
			return errors.New(`something follows its end, "..."; begin a document with "---"`)
		}
	}
	var object map[string]json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(body))
	if decoder.Decode(&object) == nil && !blank(body[decoder.InputOffset():]) {
		return errors.New(`something follows its object of JSON; begin a document with "---"`)
	}
	return nil
}

// head is the comments and blank lines before the first field.
func head(body []byte) []byte {
	var top []byte
	for line := range bytes.Lines(body) {
		if !blank(line) {
			break
		}
		top = append(top, line...)
	}
	return top
}
