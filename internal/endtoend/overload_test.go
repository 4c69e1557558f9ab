package endtoend

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/standin"
)

// TestOverload lets one Firehose stream send far more than fits, as Firehose does:
// what is refused comes again. Everything is taken in the end, at about the speed
// at which it is taken without a crowd, and another stream does not notice.
func TestOverload(t *testing.T) {
	a := startText(t, taken("warn", "logfmt", anyAge))
	sender := func(stream string) *standin.Sender {
		return a.sender(t, standin.Options{
			SourceARN: arn(stream), Gzip: true, Connections: 64, RetryDuration: 10 * patience, RetryUnit: 100 * time.Millisecond,
		})
	}
	flood := sender("flood")
	large := flood.NewDelivery()
	line := []byte(`{"log":"2026-08-20T10:00:00.5Z stdout F ` + string(bytes.Repeat([]byte("flood "), 770)) +
		`","kubernetes":{"pod_name":"web-1","namespace_name":"shop","labels":{"app":"web"},"container_name":"nginx"}}`)
	for large.Records() < standin.MaxRecords {
		require.NoError(t, large.Add(line, requestTime))
	}
	require.NoError(t, large.Seal())
	require.Greater(t, len(large.Body()), 60<<20)

	// deliver has so many deliveries made by so many senders, and returns how many
	// attempts that took, and how many MiB were taken each second.
	deliver := func(deliveries, senders int) (attempts int, speed float64) {
		left := make(chan struct{}, deliveries)
		for range deliveries {
			left <- struct{}{}
		}
		close(left)
		var mut sync.Mutex
		var group sync.WaitGroup
		began := time.Now()
		for range senders {
			group.Go(func() {
				for range left {
					r := flood.Deliver(t.Context(), large)
					if r.Outcome != standin.Accepted {
						t.Error(r.Attempts[len(r.Attempts)-1])
					}
					mut.Lock()
					attempts += len(r.Attempts)
					mut.Unlock()
				}
			})
		}
		group.Wait()
		return attempts, float64(deliveries*len(large.Body())>>20) / time.Since(began).Seconds()
	}
	crowd, few := 16, 4
	if *full {
		crowd, few = 64, 16
	}
	attempts, alone := deliver(few, 2)
	require.Equal(t, few, attempts, "two at a time fit")

	quiet := sender("quiet")
	ended := make(chan struct{})
	var small, refused int
	var slowest time.Duration
	var beside sync.WaitGroup
	beside.Go(func() {
		for running := true; running; {
			select {
			case <-ended:
				running = false
			default:
			}
			r := quiet.Send(t.Context(), [][]byte{[]byte("hello")})
			small++
			refused += len(r.Attempts) - 1
			slowest = max(slowest, r.Attempts[0].Latency)
		}
	})
	attempts, crowded := deliver(crowd, crowd)
	close(ended)
	beside.Wait()
	most, err := a.peak()
	require.NoError(t, err)
	found := fmt.Sprintf("A stream that made %d deliveries of %d MiB at once had all of them accepted after %d attempts, at %.0f MiB/s in all; two at a time, none is refused, at %.0f MiB/s.\n"+
		"Another stream made %d small deliveries meanwhile: 0 refused, the slowest took %d ms. Peak RSS: %d MiB.\n",
		crowd, len(large.Body())>>20, attempts, crowded, alone, small, slowest.Milliseconds(), most>>20)
	t.Log(found)
	require.Zero(t, refused)
	require.Positive(t, small)
	if *full {
		overloadMarks.write(t, found)
	}
}
