package kubernetes

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax/alloytypes"
	"github.com/grafana/alloy/syntax/ast"
	syntax "github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
	"github.com/grafana/alloy/syntax/vm"

	"github.com/grafana/alloy/eks/internal/cwlogs"
	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/kubelog"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// page is the component's documentation, read back.
type page struct {
	text string
	// headings are in their order, without their hashes.
	headings []string
	// rows are the cells of the tables under a heading, without their head.
	rows map[string][][]string
	// heads are the first rows of those tables.
	heads map[string][]string
	// code are the blocks of Alloy's syntax.
	code []string
}

func readPage(t *testing.T) *page {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	p := &page{text: string(text), rows: map[string][][]string{}, heads: map[string][]string{}}
	_, rest, ok := strings.Cut(strings.TrimPrefix(p.text, "---\n"), "\n---\n")
	require.True(t, ok, "no front matter")
	heading, inCode, inTable := "", false, false
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			if inCode = !inCode; inCode {
				p.code = append(p.code, "")
			}
		case inCode:
			p.code[len(p.code)-1] += line + "\n"
		case strings.HasPrefix(line, "#"):
			heading = strings.Trim(strings.TrimLeft(line, "#"), " `")
			p.headings = append(p.headings, heading)
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case !inTable:
			inTable = true
			p.heads[heading] = cells(line)
		case !strings.HasPrefix(line, "| -"):
			p.rows[heading] = append(p.rows[heading], cells(line))
		}
	}
	return p
}

func cells(line string) []string {
	var out []string
	for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
		out = append(out, strings.TrimSpace(cell))
	}
	return out
}

// names returns the first cells of the tables under a heading, without quotes.
func (p *page) names(heading string) []string {
	var out []string
	for _, row := range p.rows[heading] {
		out = append(out, strings.Trim(row[0], "`"))
	}
	return out
}

func TestReadme_Sections(t *testing.T) {
	p := readPage(t)
	var main []string
	for line := range strings.Lines(p.text) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			main = append(main, strings.TrimSpace(title))
		}
	}
	require.Equal(t, []string{
		"Usage", "Arguments", "Blocks", "Labels", "Timestamps", "Lines", "Delivery", "Move from `loki.source.awsfirehose`",
		"Exported fields", "Component health", "Debug information", "Debug metrics", "Example", "Compatible components",
	}, main)
	require.Contains(t, p.text, "title: "+Name+"\n")
	require.Contains(t, p.text, "\n# `"+Name+"`\n")
}

// argument is a member of Arguments as it is found by its tags.
type argument struct {
	path     []string // The blocks around it.
	name     string
	required bool
	index    [][]int // Of its fields, from the outermost block in.
	of       reflect.Type
}

// walk lists the arguments and the blocks of a struct.
func walk(of reflect.Type, path []string, index [][]int) (arguments []argument, blocks [][]string) {
	for i := range of.NumField() {
		field := of.Field(i)
		tag := strings.Split(field.Tag.Get("alloy"), ",")
		at := append(slices.Clone(index), field.Index)
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch tag[1] {
		case "squash":
			a, b := walk(inner, path, at)
			arguments, blocks = append(arguments, a...), append(blocks, b...)
		case "block":
			below := append(slices.Clone(path), tag[0])
			a, b := walk(inner, below, at)
			arguments, blocks = append(arguments, a...), append(append(blocks, below), b...)
		case "attr":
			arguments = append(arguments, argument{
				path: path, name: tag[0], required: !slices.Contains(tag, "optional"), index: at, of: field.Type,
			})
		}
	}
	return arguments, blocks
}

// heading is where an argument is documented.
func (a argument) heading() string {
	if len(a.path) == 0 {
		return "Arguments"
	}
	return a.path[len(a.path)-1]
}

// value returns what the argument is in the result of decoding.
func (a argument) value(args Arguments) any {
	v := reflect.ValueOf(args)
	for _, at := range a.index {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.FieldByIndex(at)
	}
	if (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
		return reflect.Zero(a.of).Interface()
	}
	return v.Interface()
}

// body returns the text of a component's body in which the argument is set, or,
// without a value, in which its blocks stand.
func (a argument) body(value string) string {
	inner := ""
	if value != "" {
		inner = a.name + " = " + value
	}
	for _, block := range slices.Backward(a.path) {
		inner = block + " {\n" + inner + "\n}"
	}
	return "forward_to = []\n" + inner
}

// typeNames are the types of arguments as the pages of Alloy call them.
var typeNames = map[reflect.Type]string{
	reflect.TypeFor[[]loki.LogsReceiver](): "list(LogsReceiver)",
	reflect.TypeFor[relabel.Rules]():       "RelabelRules",
	reflect.TypeFor[alloytypes.Secret]():   "secret",
	reflect.TypeFor[[]alloytypes.Secret](): "list(secret)",
	reflect.TypeFor[map[string]string]():   "map(string)",
	reflect.TypeFor[[]string]():            "list(string)",
	reflect.TypeFor[string]():              "string",
	reflect.TypeFor[units.Base2Bytes]():    "string",
	reflect.TypeFor[bool]():                "bool",
	reflect.TypeFor[time.Duration]():       "duration",
	reflect.TypeFor[int]():                 "int",
	reflect.TypeFor[int32]():               "int",
	reflect.TypeFor[uint]():                "int",
	reflect.TypeFor[uint32]():              "int",
	reflect.TypeFor[*alloytypes.Secret]():  "secret",
}

func TestReadme_Arguments(t *testing.T) {
	p := readPage(t)
	arguments, blocks := walk(reflect.TypeFor[Arguments](), nil, nil)
	documented := map[string]map[string][]string{} // Rows by heading and name.
	for heading, head := range p.heads {
		if slices.Equal(head, []string{"Name", "Type", "Description", "Default", "Required"}) {
			documented[heading] = map[string][]string{}
			for _, row := range p.rows[heading] {
				documented[heading][strings.Trim(row[0], "`")] = row
			}
		}
	}
	known := map[string]map[string]bool{}
	for _, a := range arguments {
		where := strings.Join(append(a.path, a.name), ".")
		row := documented[a.heading()][a.name]
		require.NotNil(t, row, "%s has no row", where)
		require.Equal(t, "`"+typeNames[a.of]+"`", row[1], where)
		require.True(t, strings.HasSuffix(row[2], "."), where)
		require.Equal(t, map[bool]string{true: "yes", false: "no"}[a.required], row[4], where)
		if known[a.heading()] == nil {
			known[a.heading()] = map[string]bool{}
		}
		known[a.heading()][a.name] = true
		if a.required {
			require.Empty(t, row[3], where)
			continue
		}
		want, err := decode(a.body(""))
		require.NoError(t, err, where)
		if a.of == reflect.TypeFor[relabel.Rules]() { // Rules cannot be written.
			require.Equal(t, "`{}`", row[3], where)
			require.Empty(t, a.value(want), where)
			continue
		}
		got, err := decode(a.body(strings.Trim(row[3], "`")))
		require.NoError(t, err, where)
		require.Equal(t, a.value(want), a.value(got), where)
	}
	for heading, rows := range documented {
		for name := range rows {
			require.True(t, known[heading][name], "the row %s of %s documents no argument", name, heading)
		}
		require.True(t, sortedByNeed(p.rows[heading]), "%s: required first, then by name", heading)
	}

	var listed, want []string
	for _, row := range p.rows["Blocks"] {
		listed = append(listed, regexp.MustCompile("`([a-z0-9_]+)`").ReplaceAllString(strings.NewReplacer("[", "", "]", "").Replace(regexp.MustCompile(`\(#[^)]*\)`).ReplaceAllString(row[0], "")), "$1"))
		require.Equal(t, "no", row[2])
	}
	for _, block := range blocks {
		want = append(want, strings.Join(block, " > "))
		require.Contains(t, p.headings, block[len(block)-1])
	}
	require.ElementsMatch(t, want, listed)
	require.True(t, slices.IsSorted(listed))
}

func sortedByNeed(rows [][]string) bool {
	return slices.IsSortedFunc(rows, func(a, b []string) int {
		if a[4] != b[4] {
			return strings.Compare(b[4], a[4])
		}
		return strings.Compare(strings.Trim(a[0], "`"), strings.Trim(b[0], "`"))
	})
}

func TestReadme_Metrics(t *testing.T) {
	p := readPage(t)
	r := newRig(t, ``, nil)
	require.Equal(t, 200, r.deliver([]string{"hello"}).status)
	families, err := r.registry.Gather()
	require.NoError(t, err)
	var want, got []string
	for _, family := range families {
		want = append(want, fmt.Sprintf("%s %s", family.GetName(), strings.ToLower(family.GetType().String())))
	}
	for _, row := range p.rows["Debug metrics"] {
		got = append(got, strings.Trim(row[0], "`")+" "+row[1])
	}
	require.Equal(t, want, got)
}

func TestReadme_Labels(t *testing.T) {
	p := readPage(t)
	src := &event.Source{}
	var names []string
	for _, l := range defaultLabels("c")(src, "stdout") {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.names("Labels"))

	names = slices.Clone(ownMetadata)
	for _, l := range defaultMetadata(src) {
		names = append(names, l.Name)
	}
	require.ElementsMatch(t, names, p.names("Structured metadata"))

	require.ElementsMatch(t, []string{
		kubelog.LabelNamespace, kubelog.LabelPodName, kubelog.LabelPodUID, kubelog.LabelPodIP, kubelog.LabelNodeName,
		kubelog.LabelContainerName, kubelog.LabelContainerID, kubelog.LabelContainerImage, kubelog.LabelContainerHash,
		kubelog.LabelControllerKind, kubelog.LabelControllerName,
		kubelog.PrefixPodLabel + "<name>", kubelog.PrefixPodAnnotation + "<name>",
		kubelog.PrefixNamespaceLabel + "<name>", kubelog.PrefixNamespaceAnnotation + "<name>",
		cwlogs.LabelOwner, cwlogs.LabelLogGroup, cwlogs.LabelLogStream, cwlogs.LabelFilters, cwlogs.LabelMessage,
		kubelog.PrefixRecord + "<key>",
		lokientry.LabelRequestID, lokientry.LabelSourceARN, lokientry.LabelAccountID, lokientry.LabelRegion,
		lokientry.PrefixAttribute + "<name>", lokientry.LabelTenant,
	}, p.names("Internal labels"))
}

func TestReadme_ClosedSets(t *testing.T) {
	p := readPage(t)
	var sources []string
	for s := timestamp.CRI; s <= timestamp.Now; s++ {
		sources = append(sources, s.String())
	}
	require.Equal(t, sources, p.names("Timestamps"))

	var reasons, statuses []string
	for _, reason := range firehose.Reasons() {
		reasons = append(reasons, string(reason))
	}
	var listed []string
	for _, row := range p.rows["Delivery"] {
		statuses, listed = append(statuses, row[0]+row[1]), append(listed, strings.Trim(row[1], "`"))
	}
	require.ElementsMatch(t, reasons, listed)
	require.True(t, slices.IsSorted(statuses))

	require.ElementsMatch(t, []string{
		string(event.FlawNoData), string(event.FlawBase64), string(event.FlawCompression),
		string(event.FlawTooLarge), string(event.FlawJSON), string(event.FlawEnvelope),
	}, p.names("Lines"))
}

// The examples are what a user copies: they parse, they are formatted, and their
// arguments are right.
func TestReadme_Examples(t *testing.T) {
	t.Setenv("FIREHOSE_ACCESS_KEY", "key")
	p := readPage(t)
	require.Len(t, p.code, 3)
	for _, code := range p.code[1:] { // The first has placeholders for values.
		file, err := syntax.ParseFile("README.md", []byte(code))
		require.NoError(t, err)
		var formatted strings.Builder
		require.NoError(t, printer.Fprint(&formatted, file))
		require.Equal(t, strings.ReplaceAll(formatted.String(), "\t", "  ")+"\n", code)

		receivers := map[string]any{"default": map[string]any{"receiver": loki.NewLogsReceiver()}}
		scope := vm.NewScope(map[string]any{"loki": map[string]any{
			"write":   receivers,
			"relabel": map[string]any{"containers": map[string]any{"rules": relabel.Rules{}}},
		}})
		found := false
		for _, statement := range file.Body {
			block, ok := statement.(*ast.BlockStmt)
			if !ok || block.GetBlockName() != Name {
				continue
			}
			var args Arguments
			require.NoError(t, vm.New(block.Body).Evaluate(scope, &args))
			require.Len(t, args.ForwardTo, 1)
			found = true
		}
		require.True(t, found)
	}
}

func TestReadme_MovesFromLokiSource(t *testing.T) {
	p := readPage(t)
	bare := regexp.MustCompile("labels = \\{[^}]*\\}`").FindAllString(p.text, -1)
	require.Len(t, bare, 1)
	r := newRig(t, anyAge+strings.TrimSuffix(bare[0], "`"), nil)
	require.Equal(t, 200, r.deliver([]string{containerLine("web-1", head+"\n")}).status)
	require.Equal(t, map[string]string{"service_name": "unknown_service"}, labels(r.entries(1)[0]),
		"nothing is left but what Loki demands")
}
