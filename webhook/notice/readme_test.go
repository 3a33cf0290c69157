package notice

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// elsewhere are the reasons that neither an Event nor an admission warning has as its
// code: of reports, logs and metrics, of the command line, and of check.
var elsewhere = []injector.Reason{
	injector.ReasonPassedThrough, injector.ReasonOptedOut, injector.ReasonNotKEDA, injector.ReasonNothingToDo, injector.ReasonKEDAIssues,
	injector.ReasonCANotGiven, injector.ReasonIssuerNotGiven,
	injector.ReasonObjectMissing, injector.ReasonNotVerified, injector.ReasonNoEndpoints, injector.ReasonNotReached, injector.ReasonConnectionRefused,
	injector.ReasonHandshakeFailed, injector.ReasonTLSTooOld, injector.ReasonEndsSoon, injector.ReasonClientNotAccepted, injector.ReasonNotCarried,
	injector.ReasonNotAnswered,
}

// untyped are rows of what is no Event by itself.
var untyped = []string{"admission warning", "in `RolloutStarted`"}

// row is one of the README; of types it may have several.
type row struct{ types, says string }

// tableRow has with or without the column of what else an Event is about.
var tableRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]*) \\|(?: [^|]* ?\\|)? ([^|]*) \\| [^|]* \\|$")

var _ = Describe("the README's tables of Events", Ordered, func() {
	var (
		rows  map[injector.Reason]row
		codes map[string]injector.Reason // by the name of the constant
	)
	BeforeAll(func() {
		rows, codes = documented(), constants()
		Expect(len(rows)).To(BeNumerically(">", 60))
		Expect(len(codes)).To(BeNumerically(">", 80))
	})

	It("name every reason, but those that are told elsewhere", func() {
		for _, reason := range codes {
			_, there := rows[reason]
			Expect(there).NotTo(Equal(slices.Contains(elsewhere, reason)), "%s: in the README %v", reason, there)
		}
	})

	It("say what the table of reasons says", func() {
		for reason, r := range rows {
			Expect(r.says).To(Equal(reason.Sentence()), "%s", reason)
		}
	})

	It("have what controllers emit, and what is found, with the type that it gets", func() {
		e := emissions{codes: codes, types: map[string][]string{}}
		for _, folder := range []string{"../trust", "../rollout", "../cabundle"} {
			e.add(folder, e.visitController)
		}
		e.add("../../injector", e.visit)
		Expect(len(e.types)).To(BeNumerically(">", 50))
		for name, types := range e.types {
			r, there := rows[codes[name]]
			Expect(there).To(BeTrue(), "%s is emitted, and not in the README", name)
			if len(types) > 0 && !slices.Contains(untyped, r.types) {
				Expect(strings.Split(r.types, ", ")).To(ConsistOf(types), "the types of %s", name)
			}
		}
	})
})

func documented() map[injector.Reason]row {
	GinkgoHelper()
	text, err := os.ReadFile("../../README.md")
	Expect(err).NotTo(HaveOccurred())
	_, section, found := strings.Cut(string(text), "\n### Every Event\n")
	Expect(found).To(BeTrue())
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[injector.Reason]row{}
	for _, cells := range tableRow.FindAllStringSubmatch(section, -1) {
		Expect(rows).NotTo(HaveKey(injector.Reason(cells[1])), "twice")
		rows[injector.Reason(cells[1])] = row{types: cells[2], says: cells[3]}
	}
	Expect(strings.Count(section, "\n| `")).To(Equal(len(rows)), "a row is written otherwise than the others")
	return rows
}

// constants are the codes in the table of reasons.
func constants() map[string]injector.Reason {
	GinkgoHelper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../injector/reason.go", nil, 0)
	Expect(err).NotTo(HaveOccurred())
	codes := map[string]injector.Reason{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if isValue && named(spec.Type) == "Reason" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			Expect(err).NotTo(HaveOccurred())
			codes[spec.Names[0].Name] = injector.Reason(code)
		}
		return true
	})
	return codes
}

// emissions are the reasons that the source of packages makes Events and findings of,
// by the names of their constants, each with the types that can be read there:
//
//	Event(…, EventTypeX, ReasonY, …), tell(…)         X
//	tell(…, eventType, ReasonY, …)                    not known
//	Finding{Reason: ReasonY}, fault(…), fail(…)       that of a fault
//	Finding{Reason: ReasonY, Warning: true}, warn(…)  that of a finding that is none
//	x = ReasonY, return ReasonY                       not known; in a controller only
type emissions struct {
	codes map[string]injector.Reason
	types map[string][]string
}

func (e emissions) add(folder string, visit func(ast.Node) bool) {
	GinkgoHelper()
	files, err := fs.Glob(os.DirFS(folder), "*.go")
	Expect(err).NotTo(HaveOccurred())
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), folder+"/"+name, nil, 0)
		Expect(err).NotTo(HaveOccurred())
		ast.Inspect(file, visit)
	}
}

func (e emissions) visitController(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		e.note(n.Rhs)
	case *ast.ReturnStmt:
		e.note(n.Results)
	}
	return e.visit(n)
}

func (e emissions) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		e.call(n)
	case *ast.CompositeLit:
		var reason ast.Expr
		warning := false
		for _, element := range n.Elts {
			if pair, isPair := element.(*ast.KeyValueExpr); isPair && named(pair.Key) == "Reason" {
				reason = pair.Value
			} else if isPair && named(pair.Key) == "Warning" {
				warning = true
			}
		}
		e.found(reason, warning)
	}
	return true
}

func (e emissions) call(n *ast.CallExpr) {
	for i, arg := range n.Args {
		if i == 0 {
			continue
		}
		switch named(n.Args[i-1]) {
		case "EventTypeNormal":
			e.note([]ast.Expr{arg}, corev1.EventTypeNormal)
		case "EventTypeWarning":
			e.note([]ast.Expr{arg}, corev1.EventTypeWarning)
		case "eventType":
			e.note([]ast.Expr{arg})
		}
	}
	switch named(n.Fun) {
	case "fault", "fail":
		e.found(n.Args[0], false)
	case "warn":
		e.found(n.Args[0], true)
	}
}

func (e emissions) found(reason ast.Expr, warning bool) {
	if code, known := e.codes[named(reason)]; known {
		e.note([]ast.Expr{reason}, eventTypeOf(injector.Finding{Reason: code, Warning: warning}))
	}
}

func (e emissions) note(values []ast.Expr, types ...string) {
	for _, value := range values {
		name := named(value)
		if _, known := e.codes[name]; known {
			all := slices.Concat(e.types[name], types)
			slices.Sort(all)
			e.types[name] = slices.Compact(all)
		}
	}
}

// named is the name of a variable, constant or function, with or without its
// package's or receiver's; empty for other expressions.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
