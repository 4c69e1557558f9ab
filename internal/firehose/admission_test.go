package firehose

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
