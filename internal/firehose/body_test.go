package firehose

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"

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
		require.ErrorIs(t, in.readPlain(&wire, maxRetainedBody-bodySlack, func(int64) bool { return true }), broken)
		require.LessOrEqual(t, cap(in.body), max(8*arrives, firstRoom))
		require.Equal(t, int64(arrives), wire.read)
	}
	f(0)
	f(10)
	f(firstRoom)
	f(firstRoom + 1)
	f(700_000)
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
	asked := int64(-1)
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

// A compressed body gets the room that its end speaks of at once, and when there is
// none for it and its records, nothing has been decompressed.
func TestReadGzip_AsksOnce(t *testing.T) {
	text := strings.Repeat("a line of a log ", 1<<18)
	packed := gzipped(t, text)
	read := func(packed string, hold func(int64) bool) (*intake, error) {
		in := new(intake)
		wire := wireReader{from: strings.NewReader(packed), limit: 96 << 20}
		return in, in.readGzip(&wire, int64(len(packed)), 96<<20, hold, hold)
	}
	var asked []int64
	in, err := read(packed, func(size int64) bool {
		asked = append(asked, size)
		return true
	})
	require.NoError(t, err)
	require.Equal(t, text, string(in.body))
	require.Equal(t, len(text)+bodySlack, cap(in.body))
	require.Len(t, asked, 4, "for what is used again, for what comes, for all, and for the body, which is in that")
	require.Greater(t, asked[2], int64(len(text))/4*7)
	require.LessOrEqual(t, asked[2], int64(len(text)+bodySlack)/8*15)
	require.LessOrEqual(t, asked[3], asked[2])

	in, err = read(packed, func(size int64) bool { return size < asked[2] })
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, ReasonConcurrentSize, failure.Reason)
	require.Nil(t, in.body)
}

// What a compressed body says of its size is no more than a hint.
func TestReadGzip_WrongSize(t *testing.T) {
	yes := func(size int64) bool {
		require.Less(t, size, int64(4<<20), "there was no such size")
		return true
	}
	f := func(packed string, limit int64, want string, failure error) {
		t.Helper()
		in := new(intake)
		wire := wireReader{from: strings.NewReader(packed), limit: 1 << 20}
		err := in.readGzip(&wire, int64(len(packed)), limit, yes, yes)
		require.ErrorIs(t, err, failure)
		if failure == nil {
			require.Equal(t, want, string(in.body))
		}
	}
	text := strings.Repeat("x", 100_000)
	packed := gzipped(t, text)
	says := func(size uint32) string {
		return packed[:len(packed)-4] + string(binary.LittleEndian.AppendUint32(nil, size))
	}
	f(packed, 100_000, text, nil)
	f(packed, 99_999, "", errBodySize)
	f(says(5), 100_000, "", gzip.ErrChecksum)
	f(says(100_001), 200_000, "", gzip.ErrChecksum)
	f(says(1<<32-1), 200_000, "", gzip.ErrChecksum)
	f(says(90<<20), 96<<20, "", gzip.ErrChecksum)
	f(gzipped(t, "ab")+gzipped(t, "c"), 100, "abc", nil)
	f(gzipped(t, text)+gzipped(t, "c"), 100_001, text+"c", nil)
	f("", 100, "", io.ErrUnexpectedEOF)
	f("abc", 100, "", io.ErrUnexpectedEOF)
	f(packed[:len(packed)-3], 100_000, "", io.ErrUnexpectedEOF)
}

// Large deliveries at once do not take the room from each other: those that are let
// in come to their end, and so all get through that come again when they are told
// to.
func TestHandler_LargeDeliveriesAtOnce(t *testing.T) {
	const deliveries = 16
	record := `{"data":"` + base64Of(strings.Repeat("a line of a log ", 1<<12)) + `"}`
	body := strings.Replace(testBody, `{"data":"aGVsbG8="}`, strings.Repeat(record+",", 31)+record, 1)
	require.Greater(t, len(body), 5<<19)
	f := func(change func(*http.Request), body string) {
		t.Helper()
		r := newRig(t, func(_ context.Context, d *Delivery) error {
			for records := d.Records(); records.Next(); {
				if err := d.Reserve(len(records.Data()) / 4 * 3); err != nil {
					t.Error("work was done for nothing")
					return err
				}
			}
			return nil
		}, func(c *Config) {
			c.Limits = Limits{
				BodySize: 4 << 20, DecompressedBodySize: 4 << 20, DeliverySize: 4 << 20,
				Records: 100, RecordSize: 1 << 20, ConcurrentSize: 12 << 20,
			}
		})
		var senders sync.WaitGroup
		for range deliveries {
			senders.Go(func() {
				for {
					req := r.request(t, body)
					change(req)
					answer := r.send(t, req)
					if answer.status == http.StatusOK {
						return
					}
					if answer.status != http.StatusServiceUnavailable {
						t.Error(answer.message)
						return
					}
				}
			})
		}
		senders.Wait()
	}
	f(func(*http.Request) {}, body)
	f(func(req *http.Request) { req.Header.Set("Content-Encoding", "gzip") }, gzipped(t, body))
}

// The largest delivery is taken when it comes alone, also when it is compressed and
// hardly smaller for it.
func TestHandler_LargestDeliveryThatHardlyPacks(t *testing.T) {
	r := newRig(t, func(_ context.Context, d *Delivery) error { return d.Reserve(7 << 20) }, func(c *Config) {
		c.Limits = Limits{
			BodySize: 8 << 20, DecompressedBodySize: 8 << 20, DeliverySize: 8 << 20,
			Records: 100, RecordSize: 1 << 20, ConcurrentSize: 20 << 20,
		}
		require.Equal(t, c.Limits.minConcurrentSize(), c.Limits.ConcurrentSize)
	})
	noise := make([]byte, 8<<20-len(testBody)-len(`"noise":"",`))
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for i, c := range noise {
		noise[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[c%64]
	}
	body := `{"noise":"` + string(noise) + `",` + testBody[1:]
	require.Len(t, body, 8<<20)
	packed := gzipped(t, body)
	require.Greater(t, len(packed), 6<<20)
	req := r.request(t, packed)
	req.Header.Set("Content-Encoding", "gzip")
	require.Equal(t, http.StatusOK, r.send(t, req).status)
	require.Equal(t, http.StatusOK, r.send(t, r.request(t, body)).status)
}

// Room of an earlier delivery for which there is no room now is not used.
func TestRead_LeavesWhatIsNotHeld(t *testing.T) {
	const most = 1 << 20
	hold := func(size int64) bool { return size <= most }
	f := func(in *intake, read func(wire *wireReader, announced int64) error, sent string) {
		t.Helper()
		require.NoError(t, read(&wireReader{from: strings.NewReader(sent), limit: most}, int64(len(sent))))
		require.Equal(t, "body", string(in.body))
		require.LessOrEqual(t, in.room(), int64(most))
	}
	used := func() *intake { return &intake{body: make([]byte, 0, 4*most), packed: make([]byte, 0, 4*most)} }
	in := used()
	f(in, func(wire *wireReader, announced int64) error { return in.readPlain(wire, announced, hold) }, "body")
	in = used()
	f(in, func(wire *wireReader, announced int64) error { return in.readGzip(wire, announced, most, hold, hold) }, gzipped(t, "body"))
}
