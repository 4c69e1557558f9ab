package lokipush

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/grafana/alloy/internal/component/common/loki"
)

func TestLanes(t *testing.T) {
	l := newLanes(4)
	require.Len(t, newLanes(0), 1)
	require.Len(t, newLanes(1000), MaxLanes)
	require.NoError(t, l.take(t.Context(), 0b0101))
	require.NoError(t, l.take(t.Context(), 0b1010))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	l.free(0b0001)
	require.Error(t, l.take(ctx, 0b0111), "one is taken")
	require.NoError(t, l.take(t.Context(), 0b0001), "those that were free are free")
	l.free(0b1111)
	require.NoError(t, l.take(t.Context(), 0b1111))
}

// Whoever pushes what, the requests of a stream follow each other.
func TestLanes_OneRequestOfAStream(t *testing.T) {
	var mut sync.Mutex
	under := map[string]bool{}
	requests, most := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		compressed, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		req, err := read(compressed)
		if err != nil {
			t.Errorf("cannot read a push: %v", err)
		}
		mut.Lock()
		for _, st := range req.Streams {
			if under[st.Labels] {
				t.Errorf("two requests have %s at the same time", st.Labels)
			}
			under[st.Labels] = true
		}
		requests++
		now := requests
		most = max(most, now)
		mut.Unlock()
		time.Sleep(time.Millisecond) // The time in which others could come.
		mut.Lock()
		for _, st := range req.Streams {
			under[st.Labels] = false
		}
		requests--
		mut.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	e := newTestEndpoint(t, s.URL, func(c *Config) { c.BatchSize, c.Concurrency = 2000, 5 })
	var group errgroup.Group
	for n := range 8 {
		group.Go(func() error {
			for range 5 {
				var entries []loki.Entry
				for i := range 60 {
					set := model.LabelSet{"a": model.LabelValue(fmt.Sprint((i * (n + 1)) % 20))}
					entries = append(entries, newEntry(set, time.Now(), fmt.Sprint("a line of some length ", i)))
				}
				b := NewBatch(entries, nil, time.Now())
				_, err := e.Push(t.Context(), b)
				b.Release()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Greater(t, most, 1, "other streams do not wait")
	require.LessOrEqual(t, most, 5)
}
