package docpage

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/config"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/component/common/relabel"
	"github.com/grafana/alloy/syntax"
	"github.com/grafana/alloy/syntax/alloytypes"
)

// Argument is one argument of a component, as it is found by its struct tag.
type Argument struct {
	Name     string
	Required bool
	Type     reflect.Type

	blocks []string // Around it, the outermost first.
	index  [][]int  // Of its fields, from the outermost one in.
	listed bool     // One of the blocks may stand several times.
}

// Path returns the name with those of the blocks around it: http.listen_port.
func (a *Argument) Path() string { return strings.Join(append(slices.Clone(a.blocks), a.Name), ".") }

// Arguments returns the arguments of a struct, those of its blocks among them.
func Arguments(of reflect.Type) []Argument {
	w := walker{required: map[string]bool{}}
	w.walk(of, Argument{})
	return w.arguments
}

// walker collects the arguments and the blocks of a struct.
type walker struct {
	arguments []Argument
	blocks    [][]string
	required  map[string]bool // Of the blocks, by their joined names.
}

// blockSign stands between the names of nested blocks.
const blockSign = " > "

// walk goes through the fields of a struct that stands where at says.
func (w *walker) walk(of reflect.Type, at Argument) {
	for i := range of.NumField() {
		field := of.Field(i)
		tag := strings.Split(field.Tag.Get("alloy"), ",")
		next := at
		next.index = append(slices.Clone(at.index), field.Index)
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			next.listed, inner = true, inner.Elem()
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch tag[1] {
		case "squash":
			w.walk(inner, next)
		case "block":
			next.blocks = append(slices.Clone(at.blocks), tag[0])
			w.blocks = append(w.blocks, next.blocks)
			w.required[strings.Join(next.blocks, blockSign)] = !slices.Contains(tag, "optional")
			w.walk(inner, next)
		case "attr":
			next.listed = at.listed
			next.Name, next.Type, next.Required = tag[0], field.Type, !slices.Contains(tag, "optional")
			w.arguments = append(w.arguments, next)
		}
	}
}

// heading is where an argument is documented.
func (a *Argument) heading() string {
	if len(a.blocks) == 0 {
		return "Arguments"
	}
	return a.blocks[len(a.blocks)-1]
}

// value returns what the argument is in the result of decoding.
func (a *Argument) value(args any) any {
	v := reflect.ValueOf(args)
	for _, at := range a.index {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() { // Of what is squashed nothing is given.
				return reflect.Zero(a.Type).Interface()
			}
			v = v.Elem()
		case reflect.Slice:
			v = v.Index(0)
		}
		v = v.FieldByIndex(at)
	}
	if (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
		return reflect.Zero(a.Type).Interface()
	}
	return v.Interface()
}

// body returns the text of a component's body in which the argument is set, or,
// without a value, in which its blocks stand.
func (p *Page) body(a *Argument, value string) string {
	inner := ""
	if value != "" {
		inner = a.Name + " = " + value
	}
	for i, block := range slices.Backward(a.blocks) {
		inner = block + " {\n" + p.Within[strings.Join(a.blocks[:i+1], ".")] + "\n" + inner + "\n}"
	}
	for block, needs := range p.Within {
		if !strings.Contains(block, ".") && !slices.Contains(a.blocks, block) {
			inner += "\n" + block + " {\n" + needs + "\n}"
		}
	}
	return p.Body + inner
}

// needed reports whether a body has the argument anyway.
func (p *Page) needed(a *Argument) bool {
	return strings.Contains(p.Within[strings.Join(a.blocks, ".")], a.Name+" =")
}

// decodes reports whether body has all that the blocks of a listed argument need.
func (p *Page) decodes(a *Argument) bool {
	return slices.ContainsFunc(a.blocks, func(block string) bool { return p.Within[block] != "" })
}

// typeNames are the types of arguments as the pages of Alloy call them.
var typeNames = map[reflect.Type]string{
	reflect.TypeFor[[]loki.LogsReceiver]():  "list(LogsReceiver)",
	reflect.TypeFor[[]storage.Appendable](): "list(MetricsReceiver)",
	reflect.TypeFor[relabel.Rules]():        "RelabelRules",
	reflect.TypeFor[alloytypes.Secret]():    "secret",
	reflect.TypeFor[[]alloytypes.Secret]():  "list(secret)",
	reflect.TypeFor[map[string]string]():    "map(string)",
	reflect.TypeFor[[]string]():             "list(string)",
	reflect.TypeFor[string]():               "string",
	reflect.TypeFor[units.Base2Bytes]():     "string",
	reflect.TypeFor[bool]():                 "bool",
	reflect.TypeFor[time.Duration]():        "duration",
	reflect.TypeFor[int]():                  "int",
	reflect.TypeFor[int32]():                "int",
	reflect.TypeFor[uint]():                 "int",
	reflect.TypeFor[uint32]():               "int",
	reflect.TypeFor[*alloytypes.Secret]():   "secret",
	reflect.TypeFor[config.URL]():           "string",
	reflect.TypeFor[config.TLSVersion]():    "string",

	reflect.TypeFor[map[string][]alloytypes.Secret](): "map(list(secret))",
}

// argumentsHead is the head of a table of arguments.
var argumentsHead = []string{"Name", "Type", "Description", "Default", "Required"}

// CheckArguments checks that each argument of A, the component's arguments, has
// a row with its type, its default and whether it is required, in the table of
// its block, that no row is without an argument, and that the table of blocks
// names each block.
func CheckArguments[A any](t *testing.T, p *Page) {
	t.Helper()
	w := walker{required: map[string]bool{}}
	w.walk(reflect.TypeFor[A](), Argument{})
	known := map[string]bool{}
	for i := range w.arguments {
		a := &w.arguments[i]
		row := p.argumentRow(a)
		require.NotNil(t, row, "%s has no row", a.Path())
		require.Equal(t, "`"+typeNames[a.Type]+"`", row[1], a.Path())
		require.True(t, strings.HasSuffix(row[2], "."), a.Path())
		require.Equal(t, map[bool]string{true: "yes", false: "no"}[a.Required], row[4], a.Path())
		checkDefault[A](t, p, a, row[3])
		known[a.heading()+" "+a.Name] = true
	}
	for heading, rows := range p.Rows {
		if !slices.Equal(p.Heads[heading], argumentsHead) {
			continue
		}
		for _, name := range p.Names(heading) {
			require.True(t, known[heading+" "+name], "the row %s of %s documents no argument", name, heading)
		}
		require.True(t, sortedByNeed(rows), "%s: required first, then by name", heading)
	}
	p.checkBlocks(t, &w)
}

func (p *Page) argumentRow(a *Argument) []string {
	for _, row := range p.Rows[a.heading()] {
		if strings.Trim(row[0], "`") == a.Name {
			return row
		}
	}
	return nil
}

// allOf is a default that is all names in the tables of another section.
var allOf = regexp.MustCompile(`^\[all\]\(#([a-z]+)\)$`)

func checkDefault[A any](t *testing.T, p *Page, a *Argument, documented string) {
	t.Helper()
	decode := func(body string) A {
		var args A
		require.NoError(t, syntax.Unmarshal([]byte(body), &args), a.Path())
		return args
	}
	switch {
	case a.Required, p.needed(a):
		require.Empty(t, documented, a.Path())
	case a.listed && !p.decodes(a): // Such a block has no default, and may be wrong when it is empty.
		require.Equal(t, map[reflect.Kind]string{reflect.Slice: "`[]`", reflect.String: "`\"\"`"}[a.Type.Kind()], documented, a.Path())
	case allOf.MatchString(documented):
		section := allOf.FindStringSubmatch(documented)[1]
		i := slices.IndexFunc(p.Headings, func(h string) bool { return strings.ToLower(h) == section })
		require.GreaterOrEqual(t, i, 0, a.Path())
		require.ElementsMatch(t, a.value(decode(p.body(a, ""))), p.NamesIn(p.Headings[i]), a.Path())
	case a.Type == reflect.TypeFor[relabel.Rules](): // Rules cannot be written.
		require.Equal(t, "`{}`", documented, a.Path())
		require.Empty(t, a.value(decode(p.body(a, ""))), a.Path())
	default:
		require.Equal(t, a.value(decode(p.body(a, ""))), a.value(decode(p.body(a, strings.Trim(documented, "`")))), a.Path())
	}
}

var (
	linkTarget  = regexp.MustCompile(`\(#[^)]*\)`)
	brackets    = strings.NewReplacer("[", "", "]", "")
	quotedBlock = regexp.MustCompile("`([a-z0-9_]+)`")
)

func (p *Page) checkBlocks(t *testing.T, w *walker) {
	t.Helper()
	var listed, want []string
	for _, row := range p.Rows["Blocks"] {
		name := quotedBlock.ReplaceAllString(brackets.Replace(linkTarget.ReplaceAllString(row[0], "")), "$1")
		listed = append(listed, name)
		require.Equal(t, map[bool]string{true: "yes", false: "no"}[w.required[name]], row[2], name)
	}
	for _, block := range w.blocks {
		want = append(want, strings.Join(block, blockSign))
		require.Contains(t, p.Headings, block[len(block)-1])
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
