package recipes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
	"github.com/grafana/alloy/eks/internal/standin"
)

const accessKey = "key-of-the-stream"

// deliver makes one delivery of records, which is not repeated, and returns the
// status of the answer.
func deliver(t *testing.T, endpoint string, records ...[]byte) int {
	t.Helper()
	sender, err := standin.NewSender(standin.Options{URL: endpoint, AccessKey: accessKey, Gzip: true, ResponseTimeout: process.Patience})
	require.NoError(t, err)
	result := sender.Send(t.Context(), records)
	require.Len(t, result.Attempts, 1)
	return result.Attempts[0].Status
}

// ago returns a time before now, of which every digit down to the nanosecond
// counts.
func ago(d time.Duration) time.Time {
	return time.Now().Add(-d).UTC().Truncate(time.Second).Add(123456789)
}
