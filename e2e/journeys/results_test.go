package journeys

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

var record = flag.Bool("record", false, "write what came of each journey into e2e/README.md")

// Between these lines of e2e/README.md is the table.
const (
	tableBegins = "<!-- results: written by the suite, see -record -->\n"
	tableEnds   = "<!-- end of results -->\n"
	tableHead   = "| journey | KEDA | Kubernetes | keda-trust | result | on |\n|---|---|---|---|---|---|\n"
)

var _ = ReportAfterSuite("results", func(report Report) {
	if !*record {
		return
	}
	path := filepath.Join(root, "e2e", "README.md")
	content, err := os.ReadFile(path)
	if err != nil {
		Fail("reading the table: " + err.Error())
	}
	r := tried{keda: string(release), kubernetes: strings.TrimPrefix(on.Version, "v"), trust: revision, on: report.StartTime}
	updated, err := withRows(string(content), report.SpecReports, r)
	if err != nil {
		Fail(err.Error())
	}
	if err := os.WriteFile(path, []byte(updated), 0o644); err != nil {
		Fail("writing the table: " + err.Error())
	}
})

// tried is what a row tells besides the journey and what came of it.
type tried struct {
	keda, kubernetes, trust string // versions
	on                      time.Time
}

// row is a line of the table; its key is what is replaced by another run.
type row struct{ key, rest string }

func (r row) String() string { return r.key + r.rest + "\n" }

// rowsOf leaves out what did not run to its end.
func rowsOf(reports []types.SpecReport, r tried) []row {
	var rows []row
	for _, report := range reports {
		if report.LeafNodeType != types.NodeTypeIt || report.State.Is(types.SpecStateSkipped|types.SpecStatePending|types.SpecStateInterrupted) {
			continue
		}
		result := report.State.String()
		if report.State.Is(types.SpecStatePassed) {
			result = fmt.Sprintf("passed in %s", report.RunTime.Round(time.Second))
		}
		for _, entry := range report.ReportEntries {
			result += "; " + strings.Join(strings.FieldsFunc(entry.StringRepresentation(), func(r rune) bool { return r == '\n' }), "; ")
		}
		rows = append(rows, row{
			key:  journeyCell(report) + fmt.Sprintf(" %s | %s |", r.keda, r.kubernetes),
			rest: fmt.Sprintf(" %s | %s | %s |", r.trust, strings.ReplaceAll(result, "|", `\|`), r.on.Format(time.DateOnly)),
		})
	}
	return rows
}

// journeyCell is how its rows begin.
func journeyCell(report types.SpecReport) string { return "| " + report.FullText() + " |" }

// withRows replaces the rows that ran again, drops those of journeys that there are no
// more, and sorts all.
func withRows(document string, reports []types.SpecReport, r tried) (string, error) {
	before, rest, begins := strings.Cut(document, tableBegins)
	table, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("writing the table: its lines %q and %q are missing", tableBegins, tableEnds)
	}
	var lines []string
	rows := rowsOf(reports, r)
	for line := range strings.Lines(strings.TrimPrefix(table, tableHead)) {
		known := slices.ContainsFunc(reports, func(report types.SpecReport) bool { return strings.HasPrefix(line, journeyCell(report)) })
		if known && !slices.ContainsFunc(rows, func(r row) bool { return strings.HasPrefix(line, r.key) }) {
			lines = append(lines, line)
		}
	}
	for _, r := range rows {
		lines = append(lines, r.String())
	}
	slices.Sort(lines)
	return before + tableBegins + tableHead + strings.Join(lines, "") + tableEnds + after, nil
}

func TestTheTableKeepsWhatDidNotRunAgain(t *testing.T) {
	old := "intro\n" + tableBegins + tableHead +
		"| Who a | 2.16.1 | 1.37.2 | v1 | passed in 1s | 2026-01-01 |\n| Who a | 2.21.0 | 1.37.2 | v1 | failed | 2026-01-01 |\n" +
		"| Who b | 2.21.0 | 1.37.2 | v1 | passed in 1s | 2026-01-01 |\n| Who is no more | 2.21.0 | 1.37.2 | v1 | passed in 1s | 2026-01-01 |\n" + tableEnds + "outro\n"
	reports := []types.SpecReport{
		{LeafNodeType: types.NodeTypeIt, LeafNodeText: "Who a", State: types.SpecStatePassed, RunTime: 90 * time.Second},
		{LeafNodeType: types.NodeTypeIt, LeafNodeText: "Who b", State: types.SpecStateSkipped},
		{LeafNodeType: types.NodeTypeIt, LeafNodeText: "Who c", State: types.SpecStateInterrupted},
		{LeafNodeType: types.NodeTypeBeforeEach},
	}
	r := tried{keda: "2.21.0", kubernetes: "1.37.2", trust: "v2", on: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)}
	got, err := withRows(old, reports, r)
	if err != nil {
		t.Fatal(err)
	}
	want := "intro\n" + tableBegins + tableHead +
		"| Who a | 2.16.1 | 1.37.2 | v1 | passed in 1s | 2026-01-01 |\n| Who a | 2.21.0 | 1.37.2 | v2 | passed in 1m30s | 2026-11-29 |\n" +
		"| Who b | 2.21.0 | 1.37.2 | v1 | passed in 1s | 2026-01-01 |\n" + tableEnds + "outro\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := withRows("no table", reports, r); err == nil {
		t.Error("a document without the table was taken")
	}
}
