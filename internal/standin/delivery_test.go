package standin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newDelivery(t *testing.T) *Delivery {
	t.Helper()
	return newSender(t, Options{URL: "http://127.0.0.1:1", Clock: newFakeClock(), Seed: 1}).NewDelivery()
}

func TestDelivery_Limits(t *testing.T) {
	d := newDelivery(t)
	require.ErrorIs(t, d.Add(make([]byte, MaxRecord+1), time.Time{}), ErrRecordTooLarge)
	require.Zero(t, d.Records())
	require.NoError(t, d.Add(make([]byte, MaxRecord), time.Time{}))
	for range MaxRecords - 1 {
		require.NoError(t, d.Add(nil, time.Time{}))
	}
	require.ErrorIs(t, d.Add(nil, time.Time{}), ErrDeliveryFull)
	require.Equal(t, MaxRecords, d.Records())
	require.EqualValues(t, MaxRecord, d.RawBytes())
}

func TestDelivery_SealAndReset(t *testing.T) {
	d := newDelivery(t)
	require.Nil(t, d.Body())
	require.ErrorIs(t, d.Seal(), ErrNoRecords)
	require.NoError(t, d.Add([]byte("a"), time.Time{}))
	require.NoError(t, d.Seal())
	first, id := string(d.Body()), d.RequestID()
	require.NoError(t, d.Seal())
	require.Equal(t, first, string(d.Body()))
	require.ErrorIs(t, d.Add([]byte("b"), time.Time{}), ErrDeliveryFull)

	d.Reset()
	require.NotEqual(t, id, d.RequestID())
	require.Nil(t, d.Body())
	require.Zero(t, d.RawBytes())
	require.NoError(t, d.Add([]byte("b"), time.Time{}))
	require.NoError(t, d.Seal())
	require.Equal(t, `{"requestId":"`+d.RequestID()+`","timestamp":1787270398007,"records":[{"data":"Yg=="}]}`, string(d.Body()))
}

// A stamped delivery is the same whoever sends it when.
func TestDelivery_Stamp(t *testing.T) {
	d := newDelivery(t)
	own := d.RequestID()
	require.NoError(t, d.Add([]byte("a"), time.Time{}))
	d.Stamp([16]byte{1, 2, 15: 0xff}, time.UnixMilli(42))
	require.Equal(t, "01020000-0000-4000-8000-0000000000ff", d.RequestID())
	require.NoError(t, d.Seal())
	require.Equal(t, `{"requestId":"01020000-0000-4000-8000-0000000000ff","timestamp":42,"records":[{"data":"YQ=="}]}`, string(d.Body()))

	d.Reset()
	require.NotEqual(t, own, d.RequestID())
	require.NoError(t, d.Add([]byte("a"), time.Time{}))
	require.NoError(t, d.Seal())
	require.Contains(t, string(d.Body()), `"timestamp":1787270398007`)
}

// TestDelivery_Allocations keeps the client cheap: a used delivery takes records
// without new memory.
func TestDelivery_Allocations(t *testing.T) {
	d := newDelivery(t)
	record := make([]byte, 1200)
	for range 1000 {
		require.NoError(t, d.Add(record, time.Time{}))
	}
	d.Reset()
	require.Zero(t, testing.AllocsPerRun(900, func() {
		if err := d.Add(record, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}))
}
