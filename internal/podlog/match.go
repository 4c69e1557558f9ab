package podlog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Arrival is one line as it arrived at the far end.
type Arrival struct {
	Pod, Namespace, Container string
	Stream                    string
	Text                      string
	// Nanos is its time, 0 when it has none of its own.
	Nanos int64
	// Fragment is set when it arrived as a piece of a line.
	Fragment bool
}

// Match says how far what arrived is what was written.
type Match struct {
	Lines     int // Lines that arrived whole, exactly once.
	Exact     int // Of these: the text, to the byte.
	Merged    int // Of these: another text for the same JSON object.
	Altered   int // Of these: another text.
	TimeExact int // Of these: the runtime's time, to the nanosecond.
	Source    int // Of these: pod, namespace and container.
	Fragments int // Arrivals that are a piece of a line.
	Extra     int // Arrivals that are no line that was written.
	Missing   int // Lines that did not arrive whole.
}

// String lists the numbers that are not zero.
func (m Match) String() string {
	return fmt.Sprintf("lines=%d exact=%d merged=%d altered=%d time=%d source=%d fragments=%d extra=%d missing=%d",
		m.Lines, m.Exact, m.Merged, m.Altered, m.TimeExact, m.Source, m.Fragments, m.Extra, m.Missing)
}

// Compare pairs what arrived with what was written, each once: by time and text,
// then by origin and text, by text, by time, and by JSON value. The notes name
// every line that is not exact.
func Compare(written []Line, arrived []Arrival) (Match, []string) {
	c := comparison{
		written: written, arrived: arrived,
		usedLine: make([]bool, len(written)), usedArrival: make([]bool, len(arrived)),
	}
	c.pair(
		func(l *Line) string { return key(l.Nanos, l.Stream, l.Text) },
		func(a *Arrival) string { return key(a.Nanos, a.Stream, a.Text) })
	c.pair(
		func(l *Line) string { return key(l.Pod, l.Container, l.Stream, l.Text) },
		func(a *Arrival) string { return key(a.Pod, a.Container, a.Stream, a.Text) })
	c.pair(
		func(l *Line) string { return key(l.Text) },
		func(a *Arrival) string { return key(a.Text) })
	c.pair(
		func(l *Line) string { return strconv.FormatInt(l.Nanos, 10) },
		func(a *Arrival) string {
			if a.Nanos == 0 || a.Fragment {
				return ""
			}
			return strconv.FormatInt(a.Nanos, 10)
		})
	c.pair(
		func(l *Line) string { return canonical(l.Text) },
		func(a *Arrival) string { return canonical(a.Text) })
	c.rest()
	return c.Match, c.notes
}

type comparison struct {
	Match
	written               []Line
	arrived               []Arrival
	usedLine, usedArrival []bool
	notes                 []string
}

func key(parts ...any) string { return fmt.Sprintf("%#v", parts) }

// pair joins lines and arrivals that have the same key; an empty key joins
// nothing.
func (c *comparison) pair(ofLine func(*Line) string, ofArrival func(*Arrival) string) {
	index := map[string][]int{}
	for i := range c.written {
		if !c.usedLine[i] {
			k := ofLine(&c.written[i])
			index[k] = append(index[k], i)
		}
	}
	for j := range c.arrived {
		if c.usedArrival[j] {
			continue
		}
		k := ofArrival(&c.arrived[j])
		if k == "" || len(index[k]) == 0 {
			continue
		}
		i := index[k][0]
		index[k] = index[k][1:]
		c.usedLine[i], c.usedArrival[j] = true, true
		c.count(&c.written[i], &c.arrived[j])
	}
}

func (c *comparison) count(l *Line, a *Arrival) {
	c.Lines++
	if l.Nanos != 0 && l.Nanos == a.Nanos {
		c.TimeExact++
	}
	if l.Pod == a.Pod && l.Namespace == a.Namespace && l.Container == a.Container {
		c.Source++
	}
	switch {
	case l.Text == a.Text:
		c.Exact++
	case canonical(l.Text) != "" && canonical(l.Text) == canonical(a.Text):
		c.Merged++
	default:
		c.Altered++
		c.notes = append(c.notes, fmt.Sprintf("altered %s/%s: wrote %s, arrived %s", l.Pod, l.Stream, clip(l.Text), clip(a.Text)))
	}
}

func (c *comparison) rest() {
	for j := range c.arrived {
		a := &c.arrived[j]
		switch {
		case c.usedArrival[j]:
		case a.Fragment:
			c.Fragments++
		default:
			c.Extra++
			c.notes = append(c.notes, fmt.Sprintf("extra %s/%s: %s", a.Pod, a.Stream, clip(a.Text)))
		}
	}
	for i := range c.written {
		if l := &c.written[i]; !c.usedLine[i] {
			c.Missing++
			c.notes = append(c.notes, fmt.Sprintf("missing %s/%s (%d pieces): %s", l.Pod, l.Stream, len(l.Fragments), clip(l.Text)))
		}
	}
}

func clip(s string) string { return fmt.Sprintf("%.160q", s) }

// canonical writes JSON objects so that equal values are equal texts; empty for
// what is no object with members.
func canonical(s string) string {
	var v map[string]json.RawMessage
	if !strings.HasPrefix(strings.TrimSpace(s), "{") || json.Unmarshal([]byte(s), &v) != nil || len(v) == 0 {
		return ""
	}
	var parts []string
	for k, raw := range v {
		var value any
		if json.Unmarshal(raw, &value) != nil {
			return ""
		}
		text, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		parts = append(parts, fmt.Sprintf("%q:%s", k, text))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
