// Package figurestest helps tests of what prints tables. It must never be
// imported by anything but a test.
package figurestest

import "strings"

// Columns makes what stands between two columns of a table two blanks, always,
// so that a test can look for what stands side by side.
func Columns(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		var cells []string
		for cell := range strings.SplitSeq(line, "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		lines = append(lines, strings.Join(cells, "  "))
	}
	return strings.Join(lines, "\n")
}
