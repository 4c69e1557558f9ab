package hostile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

// Fuzz delivers anything to a whole component, over HTTP: a body as it is, or as the
// record of one, twice. records are seeds.
func (s Suite[A]) Fuzz(f *testing.F, records ...string) {
	good := s.Record(f)
	for _, record := range append(records, good, Zip(f, good)) {
		f.Add([]byte(record), true, "", "")
	}
	f.Add([]byte(Of(2, rig.Encode(good))), false, "", `{"commonAttributes":{"lbl_a":"b"}}`)
	f.Add([]byte(Zip(f, Of(1, rig.Encode(good)))), false, "gzip", `{`)
	f.Add([]byte(`{"requestId":"`+rig.RequestID+`","records":[{},5,{"data":"\/"}]}`), false, "identity", "[]")
	r := s.Start(f, listen("", rig.AnyAge+`
		access_key = "key"
		limits {
			body_size              = "256KiB"
			decompressed_body_size = "256KiB"
			record_size            = "256KiB"
			delivery_size          = "256KiB"
			concurrent_size        = "4MiB"
		}
	`), nil)
	f.Fuzz(func(t *testing.T, body []byte, record bool, encoding, attributes string) {
		text := string(body)
		if record {
			text = Of(1, rig.Encode(text))
		}
		headers := []string{"X-Amz-Firehose-Access-Key", "key", "X-Scope-OrgID", "hostile"}
		for _, header := range [][2]string{{"Content-Encoding", encoding}, {"X-Amz-Firehose-Common-Attributes", attributes}} {
			if header[1] != "" && !strings.ContainsFunc(header[1], func(c rune) bool { return c < ' ' || c > '~' }) {
				headers = append(headers, header[0], strings.TrimSpace(header[1]))
			}
		}
		first := s.deliverAny(t, r, text, headers)
		require.Equal(t, first, s.deliverAny(t, r, text, headers), "a repetition is another")
	})
}

// deliverAny makes a delivery of anything and returns its entries.
func (s Suite[A]) deliverAny(t *testing.T, r *rig.Rig[A], body string, headers []string) []string {
	t.Helper()
	r.T = t // That of f may not be used any more.
	a, err := r.TryPost(strings.NewReader(body), headers...)
	require.NoError(t, err)
	require.True(t, slices.Contains([]int{200, 400}, a.Status), "%d: %s", a.Status, a.Error)
	require.Zero(t, r.Metric("panics_total"))
	require.Zero(t, r.Metric("deliveries_total", "reason", string(firehose.ReasonPanic)))
	var out []string
	for _, e := range r.AllEntries() {
		RequireSane(t, e, "an entry")
		require.EqualValues(t, "hostile", e.Labels[lokientry.LabelTenant])
		if rig.Metadata(e)["timestamp_source"] == "now" {
			e.Timestamp = time.Time{}
		}
		out = append(out, rig.Plain(e))
	}
	if a.Status != 200 {
		require.Empty(t, out)
	}
	return out
}
