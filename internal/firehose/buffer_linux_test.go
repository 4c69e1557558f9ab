package firehose

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"
)

// resident returns how many bytes of this process are in memory.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	self, err := procfs.Self()
	require.NoError(t, err)
	stat, err := self.Stat()
	require.NoError(t, err)
	return stat.ResidentMemory()
}

// The length of a large body is believed at once, since it takes no memory before its
// bytes arrive.
func TestReadPlain_LargeBodyTakesWhatHasArrived(t *testing.T) {
	broken := errors.New("broken")
	const length, arrives = 96 << 20, 5 << 20
	var in intake
	wire := wireReader{
		from:  io.MultiReader(strings.NewReader(strings.Repeat("x", arrives)), iotest.ErrReader(broken)),
		limit: length,
	}
	before := resident(t)
	require.ErrorIs(t, in.readPlain(&wire, length, func(int64) bool { return true }), broken)
	require.Less(t, resident(t)-before, length/4)
	require.Equal(t, length+bodySlack, cap(in.body))
	in.reset()
	require.Nil(t, in.body)
}

// No large buffer is left behind, however the delivery ends.
func TestHandler_GivesLargeBuffersBack(t *testing.T) {
	const deliveries, size = 8, 9 << 20
	f := func(body, encoding string, deliver delivererFunc, status int) {
		t.Helper()
		r := newRig(t, deliver, nil)
		send := func() {
			req := r.request(t, body)
			req.Header.Set("Content-Encoding", encoding)
			require.Equal(t, status, r.send(t, req).status)
		}
		send()
		before := resident(t)
		for range deliveries {
			send()
		}
		require.Less(t, resident(t)-before, deliveries*size/2)
	}
	accept := func(context.Context, *Delivery) error { return nil }
	refuse := func(context.Context, *Delivery) error { return errors.New("not now") }
	crash := func(context.Context, *Delivery) error { panic("a bug") }

	body := `{"noise":"` + strings.Repeat("0123456789abcdef", size/16) + `",` + testBody[1:]
	packed := gzipped(t, body)
	f(body, "", accept, http.StatusOK)
	f(body, "", refuse, http.StatusServiceUnavailable)
	f(body, "", crash, http.StatusInternalServerError)
	f(body[:size], "", accept, http.StatusBadRequest)
	f(packed, "gzip", accept, http.StatusOK)
	f(packed[:len(packed)-1], "gzip", accept, http.StatusBadRequest)
	f(packed, "gzip", crash, http.StatusInternalServerError)

	// One that is large in gzip, too.
	var stored strings.Builder
	w, err := gzip.NewWriterLevel(&stored, gzip.NoCompression)
	require.NoError(t, err)
	_, err = io.WriteString(w, body)
	require.NoError(t, errors.Join(err, w.Close()))
	f(stored.String(), "gzip", accept, http.StatusOK)
}

// A buffer that grows while it is large leaves nothing behind.
func TestReadAll_GivesBackWhatItOutgrows(t *testing.T) {
	mapped := func() int {
		self, err := procfs.Self()
		require.NoError(t, err)
		stat, err := self.Stat()
		require.NoError(t, err)
		return int(stat.VSize)
	}
	const times, size = 20, 40 << 20
	body := strings.Repeat("x", size)
	before := mapped()
	for range times {
		var in intake
		wire := wireReader{from: strings.NewReader(body), limit: 2 * size}
		require.NoError(t, in.readPlain(&wire, -1, func(int64) bool { return true }))
		require.Len(t, in.body, size)
		in.reset()
	}
	require.Less(t, mapped()-before, times*size/2)
}
