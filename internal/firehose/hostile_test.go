package firehose

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who has no key costs the same little, whatever comes along: nothing is held, and
// the body stays where it is.
func TestHostile_WrongKeyIsCheap(t *testing.T) {
	c := DefaultConfig()
	c.AccessKeys = []string{testKey}
	h, err := NewHandler(c, delivererFunc(accept), silent{})
	require.NoError(t, err)
	f := func(key, body string) {
		t.Helper()
		reader := strings.NewReader(body)
		req := httptest.NewRequest(http.MethodPost, "/", reader)
		req.Header.Set(headerAccessKey, key)
		w := httptest.NewRecorder()
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			w.Body.Reset()
			clear(w.Header())
			h.ServeHTTP(w, req)
		}), 20.0)
		require.Equal(t, http.StatusUnauthorized, w.Code)
		require.Equal(t, len(body), reader.Len())
	}
	large := strings.Repeat("[", 64<<20)
	f("", large)
	f("wrong", large)
	f(testKey[:len(testKey)-1]+"x", large)
	f(strings.Repeat("k", maxAccessKey), large)
	f(strings.Repeat("k", 1<<20), large)
}

// Room that a delivery finds in the pool counts like new room: else many small ones
// would hold far more than they are let in for.
func TestHostile_ReusedRoomCounts(t *testing.T) {
	var r *rig
	reused := false
	r = newRig(t, func(_ context.Context, d *Delivery) error {
		_, held := r.handler.InFlight()
		require.GreaterOrEqual(t, held, int64(cap(d.envelope.body)))
		reused = reused || cap(d.envelope.body) > 100*d.Size
		return nil
	}, nil)
	large := strings.TrimSuffix(testBody, "}") + strings.Repeat(" ", 6<<20) + "}"
	for range 100 { // Pools forget at random under the race detector.
		require.Equal(t, http.StatusOK, r.send(t, r.request(t, large)).status)
		require.Equal(t, http.StatusOK, r.send(t, r.request(t, testBody)).status)
		if reused {
			return
		}
	}
	t.Fatal("no room was used again")
}
