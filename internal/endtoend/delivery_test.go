package endtoend

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// requestTime is when all deliveries of tests are made, so that what is sent again
// is the same to the last byte.
var requestTime = time.Date(2026, 8, 20, 12, 0, 0, 123e6, time.UTC)

// delivering says how records become deliveries.
type delivering struct {
	standin.Options
	standin.StreamOptions
}

// deliver delivers all records of the source and returns what came of it. Unless
// how says otherwise, nothing is retried.
func (a *alloy) deliver(t *testing.T, src standin.Source, how delivering) standin.Summary {
	t.Helper()
	stream := a.stream(t, how)
	require.NoError(t, stream.Run(t.Context(), src))
	return stream.Summary()
}

// mustDeliver demands that each delivery is accepted at once.
func (a *alloy) mustDeliver(t *testing.T, src standin.Source, how delivering) {
	t.Helper()
	summary := a.deliver(t, src, how)
	require.NotZero(t, summary.Records)
	require.Equal(t, map[int]int{200: summary.Deliveries}, summary.Statuses, summary.LastError)
}

func (a *alloy) stream(t *testing.T, how delivering) *standin.Stream {
	t.Helper()
	sender := a.sender(t, how.Options)
	stream, err := standin.NewStream(sender, how.StreamOptions)
	require.NoError(t, err)
	return stream
}

func (a *alloy) sender(t *testing.T, options standin.Options) *standin.Sender {
	t.Helper()
	if options.URL == "" {
		options.URL = a.endpoint()
	}
	if options.Timestamp.IsZero() {
		options.Timestamp = requestTime
	}
	options.ResponseTimeout = patience
	options.Seed = 1
	sender, err := standin.NewSender(options)
	require.NoError(t, err)
	return sender
}

// openCapture returns the records of a bundled capture.
func openCapture(t *testing.T, name string) *capture.Reader {
	t.Helper()
	r := capture.Open(subscription.Gzip, filepath.Join(captures, name+".jsonl.gz"))
	t.Cleanup(func() { _ = r.Close() })
	return r
}
