package firehose

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// acquire returns a lease of size bytes, or nil when they would be too many.
func (a *admission) acquire(source string, size, limit int64) *lease {
	l := a.open(source)
	if !l.grow(max(size, minWeight), limit) {
		l.release()
		return nil
	}
	return l
}

func TestAdmission_SharesTheRoom(t *testing.T) {
	const limit = 100 * minWeight
	flood := func(a *admission, source string) (leases []*lease) {
		for {
			l := a.acquire(source, minWeight, limit)
			if l == nil {
				return leases
			}
			leases = append(leases, l)
		}
	}
	var a admission
	first := flood(&a, "a")
	require.Len(t, first, 80)

	// However hard one source floods, the next one finds room, and the one after.
	second := flood(&a, "b")
	require.NotEmpty(t, second)
	third := flood(&a, "c")
	require.NotEmpty(t, third)

	// Sources that come and go end up with equal shares: four times what the three
	// leave free.
	all := []*[]*lease{&first, &second, &third}
	for round := range 1_000 {
		for i := range all {
			if leases := *all[i]; len(leases) > 0 {
				leases[0].release()
				*all[i] = leases[1:]
			}
		}
		for try := range 2 * len(all) {
			i := (round + try) % len(all)
			if l := a.acquire([]string{"a", "b", "c"}[i], minWeight, limit); l != nil {
				*all[i] = append(*all[i], l)
			}
		}
	}
	for _, leases := range [][]*lease{first, second, third} {
		require.InDelta(t, 400.0/13, len(leases), 4)
	}
	for _, leases := range [][]*lease{first, second, third} {
		for _, l := range leases {
			l.release()
		}
	}
	require.Empty(t, a.sources)
	leases, bytes := a.inFlight()
	require.Zero(t, leases)
	require.Zero(t, bytes)
}

// The largest delivery that the limits allow must always be accepted when it
// comes alone, whether it comes at once or grows.
func TestAdmission_TakesTheLargestDeliveryAlone(t *testing.T) {
	limits := DefaultLimits()
	limits.ConcurrentSize = limits.minConcurrentSize()
	require.NoError(t, limits.Validate())
	largest := limits.BodySize + limits.DeliverySize
	var a admission
	l := a.acquire("a", largest, limits.ConcurrentSize)
	require.NotNil(t, l)
	require.False(t, l.grow(2, limits.ConcurrentSize))
	l.release()

	l = a.acquire("a", 0, limits.ConcurrentSize)
	require.NotNil(t, l)
	for l.held < largest {
		require.True(t, l.grow(min(1<<20, largest-l.held), limits.ConcurrentSize))
	}
	l.release()
}

func TestAdmission_AllowsNoMoreThanTheLimit(t *testing.T) {
	var a admission
	require.Nil(t, a.acquire("a", 1<<62, 1<<30))
	require.Nil(t, a.acquire("a", 1<<30+1, 1<<30))
	l := a.acquire("a", 1, minWeight*2)
	require.NotNil(t, l)
	require.Nil(t, a.acquire("b", 1, minWeight), "a limit that was lowered holds for the next")
	l.release()
}

func TestDelivery_Reserve(t *testing.T) {
	var a admission
	const limit = 100 << 20
	l := a.acquire("a", 0, limit)
	d := Delivery{lease: l, limit: limit}
	for range 40 {
		require.NoError(t, d.Reserve(1<<20))
		require.GreaterOrEqual(t, l.held, int64(1<<20))
	}
	for range 1_000 {
		require.NoError(t, d.Reserve(10))
	}
	require.InDelta(t, 40<<20+10_000+minWeight, l.held, 2*reserveStep)
	held := l.held
	var failure *Error
	require.ErrorAs(t, d.Reserve(60<<20), &failure)
	require.Equal(t, ReasonConcurrentSize, failure.Reason)
	require.Equal(t, held, l.held)
	l.release()

	require.NoError(t, NewDelivery(new(Envelope)).Reserve(1<<30), "what did not come by HTTP is not counted")
}

// Those who wait get the room that others give back, the first one first, and
// nobody waits in vain for longer than it should.
func TestAdmission_Waits(t *testing.T) {
	const limit = 100 * minWeight
	var a admission
	full := a.acquire("a", 80*minWeight, limit)
	require.NotNil(t, full)
	type result struct {
		place int
		ok    bool
	}
	results := make(chan result)
	var leases []*lease
	enter := func(place int, size int64) {
		l := a.open("a")
		leases = append(leases, l)
		go func() { results <- result{place, l.growSoon(size, limit, time.Hour)} }()
		require.Eventually(t, func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.waiting) == place+1
		}, patience, time.Millisecond)
	}
	enter(0, 50*minWeight)
	enter(1, 50*minWeight)
	enter(2, 30*minWeight)
	late := a.open("a")
	leases = append(leases, late)
	require.False(t, late.growSoon(30*minWeight, limit, 0))

	full.release()
	got := map[int]bool{}
	for range 2 {
		r := <-results
		got[r.place] = r.ok
	}
	require.Equal(t, map[int]bool{0: true, 2: true}, got, "what fits beside the first one is not kept by the second")
	leases[0].release()
	require.Equal(t, result{1, true}, <-results)
	for _, l := range leases[1:] {
		l.release()
	}
	require.Empty(t, a.waiting)
	require.Empty(t, a.sources)
}

func TestAdmission_FewWait(t *testing.T) {
	const limit = 1000 * minWeight
	f := func(held int64, most int) {
		t.Helper()
		var a admission
		full := a.acquire("a", 765*minWeight-int64(most)*held, limit)
		require.NotNil(t, full)
		var waiters []*lease
		for {
			l := a.open("a")
			require.True(t, l.grow(held, limit))
			w, ok := a.enqueue(l, 200*minWeight, limit)
			require.False(t, ok)
			if w == nil {
				l.release()
				break
			}
			waiters = append(waiters, l)
		}
		require.Len(t, waiters, most)
		l := a.open("b")
		require.True(t, l.growSoon(10*minWeight, limit, 0), "another source need not wait")
	}
	f(0, maxWaiting)
	f(30*minWeight, 1000/waitingShare/30)

	// What can never fit is told so at once.
	var a admission
	w, ok := a.enqueue(a.open("a"), 801*minWeight, limit)
	require.Nil(t, w)
	require.False(t, ok)
}

// Room that is found at the end of the wait is not lost.
func TestAdmission_LeavesWithWhatItGot(t *testing.T) {
	const limit = 100 * minWeight
	var a admission
	full := a.acquire("a", 80*minWeight, limit)
	l := a.open("a")
	w, _ := a.enqueue(l, 50*minWeight, limit)
	require.NotNil(t, w)
	full.release()
	require.True(t, a.leave(w))
	require.Equal(t, int64(50*minWeight), l.held)
	l.release()
	require.Empty(t, a.sources)
}
