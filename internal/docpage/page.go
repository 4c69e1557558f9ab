// Package docpage reads the documentation page of a component back, and checks it
// against the component: its arguments by their struct tags, their types and
// defaults by decoding them, its metrics by gathering them, its examples by
// evaluating them. A page that says something else than the code fails the
// component's tests.
package docpage

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Page is the README.md beside a component.
type Page struct {
	// Text is the whole of it.
	Text string
	// Headings are in their order, without their hashes.
	Headings []string
	// Parts are the headings of each main section, its own among them.
	Parts map[string][]string
	// Rows are the cells of the tables under a heading, without their heads.
	Rows map[string][][]string
	// Heads are the heads of those tables; the last one, if there are several.
	Heads map[string][]string
	// Code are the blocks of Alloy's syntax.
	Code []string

	// Body is what the body of the component's block needs at least, beside the
	// blocks of Within. Read sets it to that of a component with forward_to.
	Body string
	// Within is what blocks need at least, by their path, such as endpoint.oauth2.
	// Those that stand in no other one are in every body.
	Within map[string]string
}

// Read returns the page in the folder of the test.
func Read(t *testing.T) *Page {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	p := &Page{Text: string(text), Parts: map[string][]string{}, Rows: map[string][][]string{}, Heads: map[string][]string{}, Body: "forward_to = []\n"}
	_, rest, ok := strings.Cut(strings.TrimPrefix(p.Text, "---\n"), "\n---\n")
	require.True(t, ok, "no front matter")
	section, heading, code, inTable := "", "", "", false
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case code != "" && line == "```":
			code = ""
		case code == "alloy":
			p.Code[len(p.Code)-1] += line + "\n"
		case code != "":
		case strings.HasPrefix(line, "```"):
			if code = strings.TrimPrefix(line, "```"); code == "alloy" {
				p.Code = append(p.Code, "")
			}
		case strings.HasPrefix(line, "#"):
			heading = strings.Trim(strings.TrimLeft(line, "#"), " `")
			p.Headings = append(p.Headings, heading)
			if strings.HasPrefix(line, "## ") {
				section = heading
			}
			p.Parts[section] = append(p.Parts[section], heading)
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case !inTable:
			inTable = true
			p.Heads[heading] = cells(line)
		case !strings.HasPrefix(line, "| -"):
			p.Rows[heading] = append(p.Rows[heading], cells(line))
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

// Names returns the first cells of the tables under a heading, without quotes.
func (p *Page) Names(heading string) []string {
	var out []string
	for _, row := range p.Rows[heading] {
		out = append(out, strings.Trim(row[0], "`"))
	}
	return out
}

// NamesIn returns the first cells of all tables of a main section, without quotes,
// each once.
func (p *Page) NamesIn(section string) []string {
	var out []string
	for _, heading := range p.Parts[section] {
		for _, name := range p.Names(heading) {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// CheckSections checks the title, and that the main sections are Alloy's nine in
// their order, with the component's own ones, in their order, before "Exported
// fields".
func (p *Page) CheckSections(t *testing.T, component string, own ...string) {
	t.Helper()
	var main []string
	for line := range strings.Lines(p.Text) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			main = append(main, strings.TrimSpace(title))
		}
	}
	want := slices.Concat([]string{"Usage", "Arguments", "Blocks"}, own, []string{
		"Exported fields", "Component health", "Debug information", "Debug metrics", "Example", "Compatible components",
	})
	require.Equal(t, want, main)
	require.Contains(t, p.Text, "title: "+component+"\n")
	require.Contains(t, p.Text, "\n# `"+component+"`\n")
}
