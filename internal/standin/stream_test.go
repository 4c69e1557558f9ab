package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// texts is a Source of the given records.
type texts struct {
	records []string
	at      int
	err     error
}

func (s *texts) Next() bool {
	s.at++
	return s.at <= len(s.records)
}
func (s *texts) Record() []byte { return []byte(s.records[s.at-1]) }
func (s *texts) Err() error     { return s.err }

func numbered(n int) *texts {
	s := &texts{}
	for i := range n {
		s.records = append(s.records, fmt.Sprintf("record %d", i))
	}
	return s
}

func newStream(t *testing.T, o Options, so StreamOptions) *Stream {
	t.Helper()
	s, err := NewStream(newSender(t, o), so)
	require.NoError(t, err)
	return s
}

// batches returns the sizes of the deliveries that an endpoint got.
func batches(e *endpoint) []int {
	var sizes []int
	for _, got := range e.seen() {
		sizes = append(sizes, len(got.Records))
	}
	return sizes
}

func TestStream_Buffers(t *testing.T) {
	f := func(so StreamOptions, src *texts, want ...int) {
		t.Helper()
		e := newEndpoint(t, answer(200))
		require.NoError(t, newStream(t, Options{URL: e.URL, Clock: newFakeClock()}, so).Run(context.Background(), src))
		require.Equal(t, want, batches(e))
		i := 0
		for _, got := range e.seen() {
			for _, record := range got.Records {
				require.Equal(t, src.records[i], string(record.Data))
				i++
			}
		}
		require.Len(t, src.records, i)
	}
	// Nothing arrives.
	f(StreamOptions{}, numbered(0))
	// By number of records.
	f(StreamOptions{BufferRecords: 3}, numbered(7), 3, 3, 1)
	f(StreamOptions{BufferRecords: 3}, numbered(6), 3, 3)
	f(StreamOptions{}, numbered(MaxRecords+1), MaxRecords, 1)
	// By size: a record of 8 bytes is the one that reaches 20.
	f(StreamOptions{BufferBytes: 20}, numbered(7), 3, 3, 1)
	f(StreamOptions{BufferBytes: 1}, numbered(2), 1, 1)
	// By age: ten records per second, a delivery each half second.
	f(StreamOptions{BufferInterval: 500 * time.Millisecond, Rate: 10}, numbered(12), 5, 5, 2)
	// By age although nothing arrives in time.
	f(StreamOptions{BufferInterval: time.Second, Rate: 0.5}, numbered(3), 1, 1, 1)
}

// TestStream_BodyStaysBelow64MiB has records whose data fits into the largest
// buffer but whose base64 does not.
func TestStream_BodyStaysBelow64MiB(t *testing.T) {
	src := &texts{}
	for range 55 {
		src.records = append(src.records, strings.Repeat("x", MaxRecord))
	}
	s := newStream(t, Options{URL: "http://127.0.0.1:1"}, StreamOptions{BufferBytes: MaxBody})
	deliveries, err := s.Build(context.Background(), src)
	require.NoError(t, err)
	require.Len(t, deliveries, 2)
	require.Equal(t, 49, deliveries[0].Records())
	require.Equal(t, 6, deliveries[1].Records())
	require.LessOrEqual(t, len(deliveries[0].Body()), MaxBody)
}

func TestStream_RateWithoutDrift(t *testing.T) {
	e := newEndpoint(t, answer(200))
	clock := newFakeClock()
	s := newStream(t, Options{URL: e.URL, Clock: clock}, StreamOptions{Rate: 3000})
	for range 2 {
		require.NoError(t, s.Run(context.Background(), numbered(3000)))
	}
	require.InDelta(t, 2, clock.Now().Sub(clockStart).Seconds(), 0.002)
	// One timer serves several records.
	require.Less(t, len(clock.slept), 2100)
	require.InDelta(t, 3000, s.Summary().RecordsPerSecond, 5)
}

// TestStream_ConnectionsDeliverEverythingOnce uses each delivery's memory many
// times, with retries in between.
func TestStream_ConnectionsDeliverEverythingOnce(t *testing.T) {
	var mu sync.Mutex
	failed := map[string]bool{}
	flaky := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		id := r.Header.Get("X-Test-Request-Id")
		status := http.StatusOK
		if !failed[id] && len(failed)%3 == 0 {
			status = http.StatusServiceUnavailable
		}
		failed[id] = true
		mu.Unlock()
		answer(status)(w, r)
	}
	for _, gzip := range []bool{false, true} {
		e := newEndpoint(t, flaky)
		s := newStream(t, Options{URL: e.URL, Gzip: gzip, RetryDuration: time.Minute, RetryUnit: time.Microsecond, Connections: 4},
			StreamOptions{BufferRecords: 10, Connections: 4})
		require.NoError(t, s.Run(context.Background(), numbered(2000)))

		got := map[string]int{}
		ids := map[string]bool{}
		for _, req := range e.seen() {
			if ids[req.RequestID] {
				continue // A retry.
			}
			ids[req.RequestID] = true
			for _, record := range req.Records {
				got[string(record.Data)]++
			}
		}
		require.Len(t, ids, 200)
		require.Len(t, got, 2000)
		sum := s.Summary()
		require.True(t, sum.AllAccepted())
		require.Equal(t, 200, sum.Deliveries)
		require.Equal(t, 2000, sum.Records)
		require.Equal(t, sum.Attempts, sum.Statuses[200]+sum.Statuses[503])
		require.Equal(t, sum.Attempts-200, sum.Errors[DestinationException])
	}
}

func TestStream_DeliversConcurrently(t *testing.T) {
	const connections = 3
	var together sync.WaitGroup
	together.Add(connections)
	// No answer is given before all connections have a request.
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait()
		answer(200)(w, r)
	})
	s := newStream(t, Options{URL: e.URL}, StreamOptions{BufferRecords: 1, Connections: connections})
	require.NoError(t, s.Run(context.Background(), numbered(connections)))
}

func TestStream_PostRepeatsWhatBuildMade(t *testing.T) {
	e := newEndpoint(t, answer(200))
	clock := newFakeClock()
	s := newStream(t, Options{URL: e.URL, Clock: clock, Seed: 3}, StreamOptions{BufferRecords: 4, Rate: 10})
	deliveries, err := s.Build(context.Background(), numbered(10))
	require.NoError(t, err)
	require.Empty(t, e.seen())
	require.Empty(t, clock.slept)
	require.Zero(t, s.Summary().Deliveries)
	for range 2 {
		require.NoError(t, s.Post(context.Background(), deliveries))
	}
	seen := e.seen()
	require.Equal(t, []int{4, 4, 2, 4, 4, 2}, batches(e))
	for i := range 3 {
		require.Equal(t, deliveries[i].Body(), seen[i].body)
		require.Equal(t, seen[i].body, seen[i+3].body)
	}
	require.Equal(t, 2*time.Second, clock.Now().Sub(clockStart))
}

func TestStream_SourceFails(t *testing.T) {
	e := newEndpoint(t, answer(200))
	src := numbered(5)
	src.err = errors.New("the file is broken")
	s := newStream(t, Options{URL: e.URL}, StreamOptions{})
	require.ErrorIs(t, s.Run(context.Background(), src), src.err)
	require.Equal(t, []int{5}, batches(e))

	src = &texts{records: []string{"small", strings.Repeat("x", MaxRecord+1)}}
	require.ErrorIs(t, s.Run(context.Background(), src), ErrRecordTooLarge)
}

func TestStream_BackupFails(t *testing.T) {
	e := newEndpoint(t, answer(503))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := newStream(t, Options{URL: e.URL, BackupDir: file}, StreamOptions{BufferRecords: 1, Connections: 2})
	require.ErrorContains(t, s.Run(context.Background(), numbered(1000)), "cannot back up")
	require.Less(t, len(e.seen()), 10, "the stream went on although records were lost")
	require.False(t, s.Summary().AllAccepted())
}

func TestStream_ContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	s := newStream(t, Options{URL: e.URL, RetryDuration: time.Minute}, StreamOptions{BufferRecords: 1})
	require.ErrorIs(t, s.Run(ctx, numbered(1000)), context.Canceled)
	require.Equal(t, 1, s.Summary().Outcomes[Aborted])
}

func TestStream_Summary(t *testing.T) {
	dir := t.TempDir()
	e := newEndpoint(t, answer(200), answer(413), answer(503))
	clock := newFakeClock()
	s := newStream(t, Options{URL: e.URL, BackupDir: dir, RetryDuration: 2 * time.Second, Clock: clock, Seed: 1}, StreamOptions{BufferRecords: 2})
	require.Zero(t, s.Summary().Elapsed)
	require.True(t, s.Summary().AllAccepted())
	require.NoError(t, s.Run(context.Background(), numbered(5)))

	sum := s.Summary()
	require.False(t, sum.AllAccepted())
	require.Equal(t, 3, sum.Deliveries)
	require.Equal(t, 5, sum.Records)
	require.EqualValues(t, 5*len("record 0"), sum.RawBytes)
	require.Equal(t, 4, sum.Attempts)
	require.Equal(t, map[int]int{200: 1, 413: 1, 503: 2}, sum.Statuses)
	require.Equal(t, map[ErrorCode]int{DestinationException: 3}, sum.Errors)
	require.Equal(t, map[Outcome]int{Accepted: 1, Discarded: 1, BackedUp: 1}, sum.Outcomes)
	require.Equal(t, map[Outcome]int{Accepted: 2, Discarded: 2, BackedUp: 1}, sum.RecordOutcomes)
	require.Equal(t, clock.Now().Sub(clockStart).Seconds(), sum.Elapsed)
	require.Contains(t, sum.LastError, "503")

	var wire int64
	for _, got := range e.seen() {
		wire += got.length
	}
	require.Equal(t, wire, sum.WireBytes)
	b, err := json.Marshal(sum)
	require.NoError(t, err)
	require.Contains(t, string(b), `"statuses":{"200":1,"413":1,"503":2}`)
}

func TestNewStream_Failure(t *testing.T) {
	f := func(so StreamOptions, want string) {
		t.Helper()
		_, err := NewStream(newSender(t, Options{URL: "http://127.0.0.1:1"}), so)
		require.ErrorContains(t, err, want)
	}
	f(StreamOptions{BufferBytes: MaxBody + 1}, "buffer size")
	f(StreamOptions{BufferBytes: -1}, "buffer size")
	f(StreamOptions{BufferRecords: MaxRecords + 1}, "buffer of 10001 records")
	f(StreamOptions{BufferInterval: 901 * time.Second}, "buffer interval")
	f(StreamOptions{Connections: -1}, "connections")
	f(StreamOptions{Rate: -1}, "rate")
}
