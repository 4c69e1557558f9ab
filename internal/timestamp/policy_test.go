package timestamp

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSource_String(t *testing.T) {
	f := func(s Source, want string) {
		t.Helper()
		require.Equal(t, want, s.String())
		got, ok := ParseSource(want)
		require.Equal(t, s != None, ok)
		require.Equal(t, s, got)
	}
	f(None, "none")
	f(CRI, "cri")
	f(Record, "record")
	f(Line, "line")
	f(CloudWatch, "cloudwatch")
	f(Firehose, "firehose")
	f(Now, "now")
}

func TestParseSource_Failure(t *testing.T) {
	for _, name := range []string{"", "CRI", "none", "wall", "cri "} {
		_, ok := ParseSource(name)
		require.False(t, ok, name)
	}
	require.Equal(t, "none", Source(200).String())
}

func TestCandidates(t *testing.T) {
	var c Candidates
	for s := None; s <= Now+1; s++ {
		_, ok := c.Get(s)
		require.False(t, ok, s)
	}
	for s := None; s <= Now+1; s++ {
		c.Set(s, int64(s)*10)
	}
	for s := CRI; s <= Firehose; s++ {
		got, ok := c.Get(s)
		require.True(t, ok, s)
		require.Equal(t, int64(s)*10, got)
	}
	for _, s := range []Source{None, Now, Now + 1} {
		_, ok := c.Get(s)
		require.False(t, ok, s)
	}

	was := c
	c.Clear(Line)
	c.Clear(None)
	c.Clear(Now)
	_, ok := c.Get(Line)
	require.False(t, ok)
	got, ok := c.Get(CloudWatch)
	require.True(t, ok)
	require.Equal(t, int64(40), got)
	_, ok = was.Get(Line)
	require.True(t, ok, "a copy is independent")
}

// candidates makes a set from source, time pairs.
func candidates(pairs ...int64) Candidates {
	var c Candidates
	for i := 0; i < len(pairs); i += 2 {
		c.Set(Source(pairs[i]), pairs[i+1])
	}
	return c
}

func TestPolicy_Choose(t *testing.T) {
	const now = 1_000
	f := func(p Policy, c Candidates, want Choice) {
		t.Helper()
		require.Equal(t, want, p.Choose(&c, now))
	}
	order := []Source{CRI, Record, Line, CloudWatch, Firehose, Now}
	bounded := Policy{Order: order, MaxAge: 100, MaxFuture: 10}

	// Nothing is known.
	f(bounded, Candidates{}, Choice{Nanos: now, Source: Now, True: now})
	f(Policy{}, candidates(1, 990), Choice{Nanos: now, Source: Now, True: now})

	// The first in order.
	f(bounded, candidates(1, 990, 3, 980, 5, 999), Choice{Nanos: 990, Source: CRI, True: 990})
	f(bounded, candidates(3, 980, 5, 999), Choice{Nanos: 980, Source: Line, True: 980})
	f(Policy{Order: []Source{Line, CRI}}, candidates(1, 990, 3, 980), Choice{Nanos: 980, Source: Line, True: 980})

	// Now ends the order.
	f(Policy{Order: []Source{Record, Now, CRI}}, candidates(1, 990), Choice{Nanos: now, Source: Now, True: now})

	// The bounds themselves are inside.
	f(bounded, candidates(1, 900), Choice{Nanos: 900, Source: CRI, True: 900})
	f(bounded, candidates(1, 1010), Choice{Nanos: 1010, Source: CRI, True: 1010})

	// Outside: the next source, and the true time is told.
	f(bounded, candidates(1, 899, 5, 950), Choice{Nanos: 950, Source: Firehose, True: 899, Moved: true})
	f(bounded, candidates(1, 1011, 5, 950), Choice{Nanos: 950, Source: Firehose, True: 1011, Moved: true})
	f(bounded, candidates(1, 5, 3, 6, 5, 7), Choice{Nanos: now, Source: Now, True: 5, Moved: true})

	// No bounds.
	f(Policy{Order: order}, candidates(1, math.MinInt64), Choice{Nanos: math.MinInt64, Source: CRI, True: math.MinInt64})
	f(Policy{Order: order, MaxAge: -1, MaxFuture: -1}, candidates(1, math.MaxInt64), Choice{Nanos: math.MaxInt64, Source: CRI, True: math.MaxInt64})

	// Distances that do not fit into an int64.
	widest := Policy{Order: order, MaxAge: math.MaxInt64, MaxFuture: math.MaxInt64}
	f(widest, candidates(1, math.MinInt64), Choice{Nanos: now, Source: Now, True: math.MinInt64, Moved: true})
	f(widest, candidates(1, math.MaxInt64), Choice{Nanos: math.MaxInt64, Source: CRI, True: math.MaxInt64})
}

func TestPolicy_ChooseAllocs(t *testing.T) {
	p := Policy{Order: []Source{CRI, Line, Firehose}, MaxAge: time.Hour, MaxFuture: time.Minute}
	c := candidates(1, 1, 5, int64(100*time.Hour))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if ch := p.Choose(&c, int64(100*time.Hour)); ch.Source != Firehose {
			t.Fatal(ch)
		}
	}))
}
