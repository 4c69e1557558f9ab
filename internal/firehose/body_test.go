package firehose

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// A body's announced length is believed only as far as its bytes have arrived.
func TestReadPlain_BelievesWhatHasArrived(t *testing.T) {
	broken := errors.New("broken")
	f := func(arrives int) {
		t.Helper()
		var in intake
		wire := wireReader{
			from:  io.MultiReader(strings.NewReader(strings.Repeat("x", arrives)), iotest.ErrReader(broken)),
			limit: 96 << 20,
		}
		require.ErrorIs(t, in.readPlain(&wire, 96<<20, func(int64) bool { return true }), broken)
		require.LessOrEqual(t, cap(in.body), max(8*arrives, firstRoom))
		require.Equal(t, int64(arrives), wire.read)
	}
	f(0)
	f(10)
	f(firstRoom)
	f(firstRoom + 1)
	f(5 << 20)
}

func TestReadPlain_FitsItsRoomToTheLength(t *testing.T) {
	f := func(length int) {
		t.Helper()
		body := strings.Repeat("x", length)
		var in intake
		wire := wireReader{from: iotest.HalfReader(strings.NewReader(body)), limit: 96 << 20}
		require.NoError(t, in.readPlain(&wire, int64(length), func(int64) bool { return true }))
		require.Equal(t, body, string(in.body))
		require.LessOrEqual(t, cap(in.body), length+bodySlack)

		in.reset()
		require.Equal(t, length > maxRetainedBody, in.body == nil)
	}
	f(1)
	f(1_000)
	f(firstRoom)
	f(3 << 20)
	f(maxRetainedBody + 1)
}

func TestReadAll_AsksBeforeItAllocates(t *testing.T) {
	var in intake
	var asked int64
	wire := wireReader{from: strings.NewReader(strings.Repeat("x", 10<<20)), limit: 96 << 20}
	err := in.readPlain(&wire, -1, func(size int64) bool {
		require.Greater(t, size, asked)
		asked = size
		return size <= 2<<20
	})
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, ReasonConcurrentSize, failure.Reason)
	require.LessOrEqual(t, cap(in.body), 2<<20)
}
