package hostile

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// table is one of the page's, between two comments that name it.
type table struct {
	name   string
	page   string
	update bool
	text   strings.Builder
}

func (s Suite[A]) newTable(name string, head ...string) *table {
	b := &table{name: name, page: s.Page, update: *s.Update}
	b.add(head...)
	b.text.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	return b
}

// add appends a row.
func (b *table) add(cells ...string) {
	for _, cell := range cells {
		// A bar would end the cell.
		b.text.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
	}
	b.text.WriteString("|\n")
}

// told is the beginning of an error message that says what to do against it.
func told(message string) string {
	if problem, _, long := strings.Cut(message, ": raise it, or lower"); long {
		return problem + ": ..."
	}
	return message
}

// code returns text in the form of code, unless there is none.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// Table compares a table of what was tried on records, and of what their entries
// say, with the page.
func (s Suite[A]) Table(t testing.TB, name string, tried []string, entries string) {
	t.Helper()
	b := s.newTable(name, "Tried", "Answer", "Entries")
	for _, what := range tried {
		b.add(what, "200", entries)
	}
	b.check(t)
}

// check compares the table with the page's, or puts it there.
func (b *table) check(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(b.page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "<!-- table "+b.name+" -->\n")
	require.True(t, found, "the page has no table %s", b.name)
	got, after, found := strings.Cut(rest, "<!-- end -->\n")
	require.True(t, found, "table %s does not end", b.name)
	if b.update {
		page := before + "<!-- table " + b.name + " -->\n" + b.text.String() + "<!-- end -->\n" + after
		require.NoError(t, os.WriteFile(b.page, []byte(page), 0o644))
		return
	}
	require.Equal(t, b.text.String(), got, "run the test with -update if it is meant to be so")
}
