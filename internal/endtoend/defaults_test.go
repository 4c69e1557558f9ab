package endtoend

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/traffic"
)

// TestDefaults delivers to a component that has its defaults, in front of a Loki
// that has its own limits: it takes everything, and no time is lost.
func TestDefaults(t *testing.T) {
	loki := ownLoki(t, byDefault)
	a := startAlloy(t, settings{Loki: loki})

	// Lines of today keep their time.
	g := generate(t, 2000, traffic.Options{Shape: traffic.CRIParser, Start: time.Now().Add(-time.Minute)})
	a.mustDeliver(t, g, delivering{Options: standin.Options{
		Timestamp: time.Now(), CommonAttributes: map[string]string{"lbl_age": "new"},
	}})
	a.flush()
	recent := loki.entries(t, `{age="new"}`)
	require.Empty(t, g.differences(t, recent))
	require.Zero(t, loki.count(t, `{age="new"} | true_timestamp != ""`))

	// Lines that Loki would refuse have the time of the delivery, and say their own.
	a.mustDeliver(t, openCapture(t, "docker-json"), delivering{Options: standin.Options{
		Timestamp: time.Now(), CommonAttributes: map[string]string{"lbl_age": "old"},
	}})
	a.flush()
	written, err := podlog.ReadArchive(filepath.Join(captures, "input.tar.gz"))
	require.NoError(t, err)
	var arrived []podlog.Arrival
	for _, e := range loki.entries(t, `{age="old"}`) {
		arrival := e.arrival()
		if text, ok := e.Metadata["true_timestamp"]; ok {
			at, err := time.Parse(time.RFC3339Nano, text)
			require.NoError(t, err)
			arrival.Nanos = at.UnixNano()
		}
		arrived = append(arrived, arrival)
	}
	m, notes := podlog.Compare(linesIn(written, "docker"), arrived)
	require.Equal(t, 277, m.Exact, notes)
	require.Equal(t, 275, m.TimeExact, notes)
}
