// Package docpage reads pages of the documentation back, and checks the page of a
// component against the component: its arguments by their struct tags, their types and
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
	// Blocks are all blocks of code by their language.
	Blocks map[string][]string

	// Body is what the body of the component's block needs at least, beside the
	// blocks of Within. Read sets it to that of a component with forward_to.
	Body string
	// Within is what blocks need at least, by their path, such as endpoint.oauth2.
	// Those that stand in no other one are in every body.
	Within map[string]string
}

// Read returns the page in the folder of the test, that of a component.
func Read(t *testing.T) *Page {
	t.Helper()
	p := ReadFile(t, "README.md")
	require.True(t, strings.HasPrefix(p.Text, "---\n"), "no front matter")
	return p
}

// ReadFile returns any page. It may have front matter, and every block of code has
// a language.
func ReadFile(t *testing.T, path string) *Page {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	p := &Page{
		Text: string(text), Body: "forward_to = []\n",
		Parts: map[string][]string{}, Rows: map[string][][]string{}, Heads: map[string][]string{}, Blocks: map[string][]string{},
	}
	rest := p.Text
	if front, ok := strings.CutPrefix(rest, "---\n"); ok {
		_, rest, ok = strings.Cut(front, "\n---\n")
		require.True(t, ok, "the front matter does not end")
	}
	p.read(rest)
	p.Code = p.Blocks["alloy"]
	return p
}

// read goes through the lines of a page.
func (p *Page) read(text string) {
	section, heading, code, inTable := "", "", "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case code != "" && line == "```":
			code = ""
		case code != "":
			p.Blocks[code][len(p.Blocks[code])-1] += line + "\n"
		case strings.HasPrefix(line, "```"):
			code = strings.TrimPrefix(line, "```")
			p.Blocks[code] = append(p.Blocks[code], "")
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
