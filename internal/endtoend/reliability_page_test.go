package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reliabilityPage is the page that tells what is lost when.
const reliabilityPage = root + "/docs/reliability.md"

// marks are what stands around that which tests write into the page.
type marks struct{ begin, end string }

var (
	outcomeMarks  = marks{"<!-- What follows is written by make test-faults. -->\n", "<!-- That was written by make test-faults. -->\n"}
	overloadMarks = marks{"<!-- The next lines are written by make test-faults. -->\n", "<!-- Those were written by make test-faults. -->\n"}
)

// between returns what stands between the marks, and what around them.
func (m marks) between(t *testing.T, page string) (before, inside, after string) {
	t.Helper()
	before, rest, ok := strings.Cut(page, m.begin)
	require.True(t, ok, "the page has no %q", m.begin)
	inside, after, ok = strings.Cut(rest, m.end)
	require.True(t, ok, "the page has no %q", m.end)
	return before, inside, after
}

// write replaces what stands between the marks.
func (m marks) write(t *testing.T, inside string) {
	t.Helper()
	text, err := os.ReadFile(reliabilityPage)
	require.NoError(t, err)
	before, _, after := m.between(t, string(text))
	require.NoError(t, os.WriteFile(reliabilityPage, []byte(before+m.begin+"\n"+inside+"\n"+m.end+after), 0o600))
}

// outcomeTables are a table with what counts, and one with everything.
func outcomeTables(outcomes [][]outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with %d lines per second, in deliveries of %d.\n", time.Now().UTC().Format(time.DateOnly), loadRate, loadRecords)
	b.WriteString("Each cell says how many lines were lost, and how many copies were too many.\n\n| Fault | What happens |")
	for _, p := range pipelines {
		fmt.Fprintf(&b, " `%s` |", p.name)
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(pipelines)) + "\n")
	notes := 0
	for i, f := range faults {
		name := f.name
		if f.beyond != "" {
			notes++
			name += fmt.Sprintf(" (%d)", notes)
		}
		fmt.Fprintf(&b, "| %s | %s |", name, f.about)
		for j := range pipelines {
			o := &outcomes[i][j]
			fmt.Fprintf(&b, " %d lost, %d doubled |", o.lost, o.doubled)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nNobody but Loki can help what's lost in the rows with a number. Refer to [What nobody promises](#what-nobody-promises).\n\n")
	notes = 0
	for _, f := range faults {
		if f.beyond != "" {
			notes++
			fmt.Fprintf(&b, "%d. %s.\n", notes, f.beyond)
		}
	}
	b.WriteString("\nThe same runs in full:\n\n" +
		"| Fault | Pipeline | Lines sent | Answered 200 | Deliveries repeated | Lines in Loki | Lost | Doubled | Peak RSS of Alloy |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i := range faults {
		for j := range pipelines {
			o := &outcomes[i][j]
			fmt.Fprintf(&b, "| %s | `%s` | %d | %d | %d | %d | %d | %d | %d MiB |\n",
				o.fault, o.pipeline, o.sent, o.accepted, o.repeats, o.stored, o.lost, o.doubled, o.memory>>20)
		}
	}
	return b.String()
}

// The page shows every fault, and that nothing is lost or doubled with
// loki.write_sync. What it links to exists.
func TestReliabilityPage(t *testing.T) {
	text, err := os.ReadFile(reliabilityPage)
	require.NoError(t, err)
	page := string(text)
	_, table, _ := outcomeMarks.between(t, page)
	_, overload, _ := overloadMarks.between(t, page)
	require.Contains(t, overload, " 0 refused,")
	cells := func(fault, pipeline string) []int {
		row := regexp.MustCompile("(?m)^\\| " + regexp.QuoteMeta(fault) + " \\| `" + regexp.QuoteMeta(pipeline) + "` \\|(.*) MiB \\|$").FindStringSubmatch(table)
		require.NotNil(t, row, "the page has no row for %q in %s: make test-faults", fault, pipeline)
		var numbers []int
		for cell := range strings.SplitSeq(row[1], "|") {
			n, err := strconv.Atoi(strings.TrimSpace(cell))
			require.NoError(t, err)
			numbers = append(numbers, n)
		}
		return numbers
	}
	for _, f := range faults {
		require.Contains(t, table, "| "+f.name)
		require.Contains(t, table, " | "+f.about+" |")
		for _, p := range pipelines {
			c := cells(f.name, p.name)
			sent, accepted, stored, lost, doubled := c[0], c[1], c[3], c[4], c[5]
			require.Equal(t, sent, accepted)
			require.Equal(t, sent, stored+lost)
			if p.sync && f.beyond == "" {
				require.Zero(t, lost+doubled, "%s in %s", f.name, p.name)
			}
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(link[1], "://") {
			require.FileExists(t, filepath.Join(filepath.Dir(reliabilityPage), link[1]))
		}
	}
}
