package endtoend

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// TestDocs_Queries asks Loki the queries of docs, over lines of which each finds
// some.
func TestDocs_Queries(t *testing.T) {
	t.Parallel()
	loki := sharedLoki(t)
	now := time.Now()
	record := func(at time.Time, text string) []byte {
		return fmt.Appendf(nil, `{"log":"%s stdout F %s","kubernetes":{"namespace_name":"shop","pod_name":"checkout-7d9f8b6c5-x2x4k",`+
			`"labels":{"app":"checkout"},"host":"ip-10-0-1-2","container_name":"api"}}`, at.UTC().Format(time.RFC3339Nano), text)
	}
	a := startAlloy(t, settings{Loki: loki, Arguments: `cluster = "production"`})
	result := a.sender(t, standin.Options{Timestamp: now}).Send(t.Context(), [][]byte{
		record(now.Add(-time.Second), "level=error msg=broken"),
		record(now.AddDate(0, -1, 0), "level=info msg=old"),
		[]byte("\x1f\x8b\x08 is no gzip"),
	})
	require.Equal(t, standin.Accepted, result.Outcome)
	a.flush()

	// The control plane's lines end at the time of the query.
	g := generateLogs(t, 200, clustertraffic.Options{Clusters: 1, Start: now.Add(-10 * time.Minute)}).filter(func(ev *clustertraffic.Event) bool {
		return ev.Time.Before(now)
	})
	startControlPlane(t, loki, `labels = {cluster = "production"}`).deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))

	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	asked := 0
	for _, page := range pages {
		for _, query := range docpage.ReadFile(t, page).Blocks["logql"] {
			query = strings.TrimSpace(query)
			if strings.HasPrefix(query, "{") {
				require.NotZero(t, loki.count(t, query), "%s: %s", page, query)
			} else {
				require.NotEmpty(t, loki.vector(t, query, now.Add(time.Second)), "%s: %s", page, query)
			}
			asked++
		}
	}
	require.NotZero(t, asked)
}
