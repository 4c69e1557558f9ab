package main

import (
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

func sumOf(entries ...entry) uint64 {
	sum, digest := uint64(0), xxhash.New()
	for _, e := range entries {
		sum = e.add(sum, digest)
	}
	return sum
}

func TestEntry_Add(t *testing.T) {
	a, b := entry{`{app="a"}`, 1, "line"}, entry{`{app="b"}`, 2, "line"}
	require.Equal(t, sumOf(a, b, a), sumOf(b, a, a))
	f := func(other ...entry) {
		t.Helper()
		require.NotEqual(t, sumOf(a, b), sumOf(other...))
	}
	f()
	f(a)
	f(a, a, b)
	f(b, b)
	f(a, entry{b.Labels, b.Nanos, "lines"})
	f(a, entry{b.Labels, b.Nanos + 1, b.Line})
	f(a, entry{b.Labels + b.Line, b.Nanos, ""}) // No byte belongs to two things.
	f(entry{a.Labels, b.Nanos, a.Line}, entry{b.Labels, a.Nanos, b.Line})
}

func TestCompare(t *testing.T) {
	f := func(first, second []entry, want ...difference) {
		t.Helper()
		require.Equal(t, want, compare(first, second, func(a, b entry) string { return "" }))
	}
	a, b, c := entry{"{a}", 1, "x"}, entry{"{b}", 2, "y"}, entry{"{c}", 3, "z"}
	f(nil, nil)
	f([]entry{a, b, c}, []entry{c, a, b})
	f([]entry{a, b}, []entry{b}, difference{Kind: missing, Count: 1, First: a})
	f([]entry{b}, []entry{a, b}, difference{Kind: added, Count: 1, Second: a})
	f([]entry{a, a}, []entry{a}, difference{Kind: missing, Count: 1, First: a})
	later := entry{a.Labels, 9, a.Line}
	f([]entry{a, a, b}, []entry{b, later, later}, difference{otherTime, "", 2, a, later})
	named := entry{"{c}", 1, "x"}
	f([]entry{a}, []entry{named}, difference{otherLabels, "", 1, a, named})
	cutOff := entry{"{a}", 1, ""}
	f([]entry{a}, []entry{cutOff}, difference{otherLine, "", 1, a, cutOff})
	// Each entry counts once, whatever it could be paired with.
	f([]entry{a}, []entry{cutOff, later}, difference{otherTime, "", 1, a, later}, difference{Kind: added, Count: 1, Second: cutOff})
	f([]entry{a, b}, []entry{c}, difference{Kind: missing, Count: 2, First: a}, difference{Kind: added, Count: 1, Second: c})
}

func TestDifference_String(t *testing.T) {
	d := difference{missing, "because", 3, entry{"{a}", 1, "x\n"}, entry{}}
	require.Equal(t, "3 entries: stored by the first only, because\n    {a} 1 \"x\\n\"\n    -", d.String())
}

// Entries with a reason are told apart from those without.
func TestCompare_Excuse(t *testing.T) {
	a, b, c := entry{"{a}", 1, "x"}, entry{"{a}", 2, "y"}, entry{"{a}", 3, "z"}
	later := func(e entry) entry { return entry{e.Labels, e.Nanos + 10, e.Line} }
	got := compare([]entry{a, b, c}, []entry{later(a), later(b), later(c)}, func(first, second entry) string {
		require.Equal(t, later(first), second)
		if first.Line == "y" {
			return ""
		}
		return "it is late"
	})
	require.Equal(t, []difference{{otherTime, "it is late", 2, a, later(a)}, {otherTime, "", 1, b, later(b)}}, got)
}

func TestCheckEntries(t *testing.T) {
	a, b := entry{"{a}", 1, "x"}, entry{"{a}", 2, "x"}
	excused := "first"
	excuse := func(first, second entry) string { return excused }
	differences, err := checkEntries("two", "one", []entry{a, b}, []entry{b, a}, excuse)
	require.NoError(t, err)
	require.Empty(t, differences)
	differences, err = checkEntries("two", "one", []entry{a}, []entry{b}, excuse)
	require.NoError(t, err)
	require.Equal(t, []difference{{otherTime, "first", 1, a, b}}, differences)
	excused = ""
	_, err = checkEntries("two", "one", []entry{a}, []entry{b}, excuse)
	require.ErrorIs(t, err, errDiffers)
	require.ErrorContains(t, err, "by two than by one:\n  1 entries: the time differs")
}
