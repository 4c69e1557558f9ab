package main

import (
	"fmt"
	"slices"
	"strings"
)

// kind is how two stores differ in one entry.
type kind string

const (
	otherTime   kind = "the time differs"
	otherLabels kind = "the labels differ"
	otherLine   kind = "the line differs"
	missing     kind = "stored by the first only"
	added       kind = "stored by the second only"
)

// difference is a kind with how many entries are of it, and an example.
type difference struct {
	Kind kind `json:"kind"`
	// Reason is why one of the stores cannot have been expected to hold what the
	// other does; empty when there is none.
	Reason string `json:"reason,omitempty"`
	Count  int    `json:"count"`
	// First and Second are the entries of the example; one of them is empty for
	// entries that only one store has.
	First  entry `json:"-"`
	Second entry `json:"-"`
}

// String describes the difference on three lines.
func (d *difference) String() string {
	show := func(e entry) string {
		if e == (entry{}) {
			return "-"
		}
		return fmt.Sprintf("%s %d %q", e.Labels, e.Nanos, cut(e.Line))
	}
	return fmt.Sprintf("%s\n    %s\n    %s", d.summary(), show(d.First), show(d.Second))
}

// summary describes the difference without an example.
func (d *difference) summary() string {
	text := fmt.Sprintf("%s entries: %s", thousands(float64(d.Count)), d.Kind)
	if d.Reason != "" {
		text += ", " + d.Reason
	}
	return text
}

// cut keeps a line that is shown short.
func cut(line string) string {
	const limit = 200
	return line[:min(len(line), limit)]
}

// compare returns how the entries of two stores differ. The order in which they
// came does not matter; how often does. excuse returns the reason for two entries
// that are the same but for one thing; the second is empty, or the first, for an
// entry that only one store has.
func compare(first, second []entry, excuse func(first, second entry) string) []difference {
	first, second = subtract(first, second), subtract(second, first)
	var found []difference
	add := func(k kind, a, b entry) {
		reason := excuse(a, b)
		i := slices.IndexFunc(found, func(d difference) bool { return d.Kind == k && d.Reason == reason })
		if i < 0 {
			found = append(found, difference{Kind: k, Reason: reason, First: a, Second: b})
			i = len(found) - 1
		}
		found[i].Count++
	}
	// What two entries that are the same but for one thing have in common.
	for _, c := range []struct {
		kind kind
		key  func(e entry) entry
	}{
		{otherTime, func(e entry) entry { return entry{Labels: e.Labels, Line: e.Line} }},
		{otherLabels, func(e entry) entry { return entry{Nanos: e.Nanos, Line: e.Line} }},
		{otherLine, func(e entry) entry { return entry{Labels: e.Labels, Nanos: e.Nanos} }},
	} {
		first, second = pair(first, second, c.key, func(a, b entry) { add(c.kind, a, b) })
	}
	for _, e := range first {
		add(missing, e, entry{})
	}
	for _, e := range second {
		add(added, entry{}, e)
	}
	return found
}

// subtract returns the entries of a that are not in b, in a fixed order. An entry
// that is in a twice and in b once is left once.
func subtract(a, b []entry) []entry {
	count := make(map[entry]int, len(b))
	for _, e := range b {
		count[e]++
	}
	var left []entry
	for _, e := range a {
		if count[e] > 0 {
			count[e]--
			continue
		}
		left = append(left, e)
	}
	slices.SortFunc(left, func(x, y entry) int {
		switch {
		case x.Nanos != y.Nanos:
			return int(min(max(x.Nanos-y.Nanos, -1), 1))
		case x.Labels != y.Labels:
			return strings.Compare(x.Labels, y.Labels)
		}
		return strings.Compare(x.Line, y.Line)
	})
	return left
}

// pair calls found with the pairs of entries of a and b that have the same key,
// and returns those without a partner.
func pair(a, b []entry, key func(entry) entry, found func(a, b entry)) (restA, restB []entry) {
	partners := map[entry][]int{}
	for i, e := range b {
		k := key(e)
		partners[k] = append(partners[k], i)
	}
	taken := make([]bool, len(b))
	for _, e := range a {
		k := key(e)
		if len(partners[k]) == 0 {
			restA = append(restA, e)
			continue
		}
		i := partners[k][0]
		partners[k] = partners[k][1:]
		taken[i] = true
		found(e, b[i])
	}
	for i, e := range b {
		if !taken[i] {
			restB = append(restB, e)
		}
	}
	return restA, restB
}
