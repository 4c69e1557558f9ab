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
		require.Equal(t, want, compare(first, second))
	}
	a, b, c := entry{"{a}", 1, "x"}, entry{"{b}", 2, "y"}, entry{"{c}", 3, "z"}
	f(nil, nil)
	f([]entry{a, b, c}, []entry{c, a, b})
	f([]entry{a, b}, []entry{b}, difference{Kind: missing, Count: 1, First: a})
	f([]entry{b}, []entry{a, b}, difference{Kind: added, Count: 1, Second: a})
	f([]entry{a, a}, []entry{a}, difference{Kind: missing, Count: 1, First: a})
	later := entry{a.Labels, 9, a.Line}
	f([]entry{a, a, b}, []entry{b, later, later}, difference{otherTime, 2, a, later})
	named := entry{"{c}", 1, "x"}
	f([]entry{a}, []entry{named}, difference{otherLabels, 1, a, named})
	cutOff := entry{"{a}", 1, ""}
	f([]entry{a}, []entry{cutOff}, difference{otherLine, 1, a, cutOff})
	// Each entry counts once, whatever it could be paired with.
	f([]entry{a}, []entry{cutOff, later}, difference{otherTime, 1, a, later}, difference{Kind: added, Count: 1, Second: cutOff})
	f([]entry{a, b}, []entry{c}, difference{Kind: missing, Count: 2, First: a}, difference{Kind: added, Count: 1, Second: c})
}

func TestDifference_String(t *testing.T) {
	d := difference{missing, 3, entry{"{a}", 1, "x\n"}, entry{}}
	require.Equal(t, "3 entries: stored by the first only\n    {a} 1 \"x\\n\"\n    -", d.String())
}

func TestSameEntries(t *testing.T) {
	a, b := entry{"{a}", 1, "x"}, entry{"{a}", 2, "x"}
	stored := func(name string, entries ...entry) *row {
		return &row{Pipeline: name, stored: totals{Entries: len(entries), Sum: sumOf(entries...)}}
	}
	require.NoError(t, sameEntries(stored("one", a, b), stored("two", b, a), []entry{a, b}, []entry{b, a}))
	err := sameEntries(stored("one", a), stored("two", b), []entry{a}, []entry{b})
	require.ErrorIs(t, err, errDiffers)
	require.ErrorContains(t, err, "by two than by one:\n  1 entries: the time differs")
}
