package recipes

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/grafana/alloy/eks/internal/lokisink"
)

// entry is one log line as it has been pushed.
type entry = lokisink.Entry

// loki takes pushes in the place of one, or refuses them while it is down.
type loki struct {
	lokisink.Sink
	url string
}

func startLoki(t *testing.T) *loki {
	t.Helper()
	l := new(loki)
	server := httptest.NewServer(&l.Sink)
	t.Cleanup(server.Close)
	l.url = server.URL + lokisink.PushPath
	return l
}

// taken returns what has been pushed, by time.
func (l *loki) taken() []entry {
	entries := l.Entries()
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.Nanos, b.Nanos) })
	return entries
}

// has returns nil once n entries have been pushed.
func (l *loki) has(n int) func() error {
	return func() error {
		if got := len(l.taken()); got < n {
			return fmt.Errorf("%w to Loki: %d of %d entries", errTooFew, got, n)
		}
		return nil
	}
}
