package lokipush

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"
)

// show shows a plan: the requests with their streams by number, an asterisk for a
// doubtful one, and the number of entries.
func show(p *planner, plans [][]request) string {
	var sb strings.Builder
	for i, plan := range plans {
		if i > 0 {
			sb.WriteString(" | ")
		}
		for j, r := range plan {
			if j > 0 {
				sb.WriteString(" > ")
			}
			sb.WriteString(r.tenant)
			for _, s := range r.segs {
				mark := ""
				if p.standings[s.stream].doubtful {
					mark = "*"
				}
				fmt.Fprintf(&sb, "[%d%s:%d]", s.stream, mark, s.len())
			}
		}
	}
	return sb.String()
}

func TestPlan(t *testing.T) {
	// Each stream is written as its letter, once for each entry; a capital is
	// doubtful, and digits before it are its tenant.
	f := func(streams string, batchSize, maxStreams int, want string) {
		t.Helper()
		var entries []loki.Entry
		var standings []standing
		for i, text := range strings.Fields(streams) {
			letters := strings.TrimLeft(text, "0123456789")
			set := model.LabelSet{"a": model.LabelValue(fmt.Sprint(i))}
			if tenant := strings.TrimSuffix(text, letters); tenant != "" {
				set["__tenant_id__"] = model.LabelValue(tenant)
			}
			for range letters {
				entries = append(entries, newEntry(set, noon, "x"))
			}
			doubtful := letters == strings.ToUpper(letters)
			standings = append(standings, standing{doubtful: doubtful})
		}
		b := NewBatch(entries, nil, noon)
		defer b.Release()
		size := int(b.sizes[0])
		p := planner{b: b, standings: standings, lanes: newLanes(1), tenant: "own", batchSize: batchSize * size, maxStreams: maxStreams}
		require.Equal(t, want, show(&p, p.plan()))
	}
	f("aaa", 10, 0, "own[0:3]")
	f("aaa bb c", 10, 0, "own[0:3][1:2][2:1]")
	// The batch size cuts, also within a stream.
	f("aaa bb c", 4, 0, "own[0:3][1:1] | own[1:1][2:1]")
	f("aaaaaaaaa", 4, 0, "own[0:4] | own[0:4] | own[0:1]")
	f("aaa b", 0, 0, "own[0:1] | own[0:1] | own[0:1] | own[1:1]")
	// So does the number of streams.
	f("a b c d e", 10, 2, "own[0:1][1:1] | own[2:1][3:1] | own[4:1]")
	// A doubtful stream is the last one of its push, and each push has one at most.
	f("a B c", 10, 0, "own[0:1][2:1][1*:1]")
	f("a B c D", 10, 0, "own[3*:1] | own[0:1][2:1][1*:1]")
	f("A B", 10, 0, "own[0*:1] | own[1*:1]")
	f("aaa BB", 4, 0, "own[1*:2] | own[0:3]")
	f("a b C", 10, 2, "own[2*:1] | own[0:1][1:1]")
	// Its parts follow each other.
	f("AAAAA b", 2, 0, "own[0*:2] > own[0*:2] > own[0*:1] | own[1:1]")
	// Tenants do not share pushes.
	f("1a b 1c 2D", 10, 0, "1[0:1][2:1] | 2[3*:1] | own[1:1]")
}

// The fastest stream of a push is its last one, and when it is very fast no other
// one comes after it.
func TestPlan_FastestLast(t *testing.T) {
	var entries []loki.Entry
	for i := range 4 {
		entries = append(entries, newEntry(model.LabelSet{"a": model.LabelValue(fmt.Sprint(i))}, noon, "x"))
	}
	b := NewBatch(entries, nil, noon)
	defer b.Release()
	f := func(fastest int, want string) {
		t.Helper()
		p := planner{b: b, lanes: newLanes(1), tenant: "own", batchSize: 1 << 20, standings: []standing{{bytes: 5}, {bytes: fastest}, {bytes: 1}, {doubtful: true}}}
		require.Equal(t, want, show(&p, p.plan()))
	}
	f(6, "own[0:1][2:1][1:1][3*:1]")
	f(4, "own[2:1][1:1][0:1][3*:1]")
	f(fast+1, "own[3*:1] | own[0:1][2:1][1:1]")
}

// Whatever there is to push, it is pushed once.
func TestPlan_Everything(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		entries := delivery(1+random.IntN(200), 1+random.IntN(20))
		b := NewBatch(entries, nil, noon)
		p := planner{b: b, lanes: newLanes(1 + random.IntN(5)), batchSize: random.IntN(10_000), maxStreams: random.IntN(4)}
		for range b.streams {
			p.standings = append(p.standings, standing{doubtful: random.IntN(3) == 0, bytes: random.IntN(2 * fast)})
		}
		seen := make([]int, len(entries))
		for _, plan := range p.plan() {
			for _, r := range plan {
				size := 0
				b.each(r.segs, func(s, i, _ int32) {
					require.Equal(t, b.of[i], s)
					seen[i]++
					size += int(b.sizes[i])
				})
				require.Equal(t, size, r.size)
				require.True(t, size <= p.batchSize || count(r.segs) == 1)
				for _, s := range r.segs[:len(r.segs)-1] {
					require.False(t, p.standings[s.stream].doubtful)
				}
			}
		}
		for _, times := range seen {
			require.Equal(t, 1, times)
		}
		b.Release()
	}
}

func TestBook(t *testing.T) {
	k := newBook()
	entries := []loki.Entry{newEntry(model.LabelSet{"a": "1"}, noon, "x"), newEntry(model.LabelSet{"a": "2"}, noon, "x")}
	f := func(at time.Time, want ...bool) {
		t.Helper()
		b := NewBatch(entries, nil, at)
		defer b.Release()
		var got []bool
		for _, s := range k.standings(nil, b, at) {
			got = append(got, s.doubtful)
		}
		require.Equal(t, want, got)
	}
	verify := func(stream int, at time.Time) {
		b := NewBatch(entries, nil, at)
		defer b.Release()
		k.verify(b.streams[stream].hash, at)
	}
	f(noon, true, true)
	verify(1, noon)
	f(noon, true, false)
	verify(0, noon.Add(trustFor/2))
	f(noon.Add(trustFor*3/4-1), false, false)
	f(noon.Add(trustFor), false, true)
	verify(1, noon.Add(15*time.Minute))
	verify(0, noon.Add(15*time.Minute))
	f(noon.Add(lateAfter), false, false)
	f(noon.Add(lateAfter+1), true, true) // The lines are late by now.
}

// Speed is a reason for doubt only after Loki has answered that something is too
// fast.
func TestBook_Strain(t *testing.T) {
	k := newBook()
	entries := []loki.Entry{newEntry(model.LabelSet{"a": "1"}, noon, strings.Repeat("x", fast/2)), newEntry(model.LabelSet{"a": "2"}, noon, "x")}
	b := NewBatch(entries, nil, noon)
	defer b.Release()
	k.verify(b.streams[0].hash, noon)
	k.verify(b.streams[1].hash, noon)
	f := func(at time.Time, want ...bool) {
		t.Helper()
		var got []bool
		for _, s := range k.standings(nil, b, at) {
			got = append(got, s.doubtful)
		}
		require.Equal(t, want, got)
	}
	f(noon, false, false)
	f(noon, false, false)
	k.strain(noon)
	f(noon, true, false)
	f(noon.Add(time.Second), false, false) // A new second.
	f(noon.Add(time.Second), true, false)
}

func TestBook_Forgets(t *testing.T) {
	k := newBook()
	for i := range uint64(3 * bookSize) {
		k.verify(i, noon)
	}
	require.LessOrEqual(t, len(k.now)+len(k.before), 2*bookSize)
	require.NotZero(t, k.page(3*bookSize-1).verified)
	require.Zero(t, k.page(0).verified)
}

func TestTrusted(t *testing.T) {
	require.Equal(t, trustFor, trusted(0))
	require.Equal(t, trustFor*7/8, trusted(1<<63))
	require.InDelta(t, float64(trustFor*3/4), float64(trusted(math.MaxUint64)), float64(time.Second))
}
