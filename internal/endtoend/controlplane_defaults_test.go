package endtoend

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/clustertraffic"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// TestControlPlane_Defaults delivers lines of now, with some as long as CloudWatch
// Logs lets them be, to a component that has its defaults, in front of a Loki that
// has its own limits: it takes every line.
func TestControlPlane_Defaults(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 300, clustertraffic.Options{Oversized: 0.02, Start: time.Now().Add(-time.Minute)})
	loki := ownLoki(t, byDefault)
	a := startAlloy(t, settings{Loki: loki, Component: controlPlane})
	a.deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	got := loki.entries(t, everyLog)
	for _, e := range got { // What Loki adds by itself.
		delete(e.Labels, "service_name")
		delete(e.Metadata, "detected_level")
	}
	requireSame(t, g.entries(recordsPerDelivery, enveloped), got)
}

// TestControlPlane_DefaultsJSON is the same for the JSON form, in which a line that
// would be too long for Loki stays as it is.
func TestControlPlane_DefaultsJSON(t *testing.T) {
	t.Parallel()
	g := generateLogs(t, 300, clustertraffic.Options{Oversized: 0.02, Start: time.Now().Add(-time.Minute)})
	loki := ownLoki(t, byDefault)
	a := startAlloy(t, settings{Loki: loki, Component: controlPlane, Arguments: `line_format = "json"`})
	a.deliverLogs(t, g, subscription.Gzip, byCount(recordsPerDelivery))
	got := loki.entries(t, everyLog)
	require.Len(t, got, len(g.all()))
	raw := 0
	for _, e := range got {
		if !json.Valid([]byte(e.Line)) {
			require.Equal(t, "true", e.Metadata["truncated"])
			raw++
		}
	}
	require.Positive(t, raw)
}
