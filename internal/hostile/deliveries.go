package hostile

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/internal/component/common/loki"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/rig"
)

// Deliveries are tried on one component, and make a table.
type Deliveries[A any] struct {
	suite Suite[A]
	rig   *rig.Rig[A]
	table *table
}

// Deliveries returns an empty table with that name, and starts a component for it.
func (s Suite[A]) Deliveries(t testing.TB, name string) *Deliveries[A] {
	t.Helper()
	return &Deliveries[A]{
		suite: s, rig: s.Start(t, listen("", Limits("")), nil),
		table: s.newTable(name, "Tried", "Answer", "The sender is told", "Entries", "Reason"),
	}
}

// Try makes a delivery that is meant to harm: it must be answered in Firehose's way,
// cost no more memory than it may, get into no other tenant, and harm none beside
// it. entries is how many come of it.
func (d *Deliveries[A]) Try(name, body string, status int, reason firehose.Reason, entries int, headers ...string) {
	r, t := d.rig, d.rig.T
	t.Helper()
	before, flaws := d.count(reason), d.flaws()
	var a rig.Answer
	d.suite.beside(r, func() {
		var from, to runtime.MemStats
		runtime.ReadMemStats(&from)
		a = r.Post(body, append([]string{"X-Amz-Firehose-Access-Key", "key", "X-Scope-OrgID", "hostile"}, headers...)...)
		runtime.ReadMemStats(&to)
		require.Equal(t, status, a.Status, "%s: %s", name, a.Error)
		require.Equal(t, requestID(headers), a.Request, name)
		require.Equal(t, status == 200, a.Error == "", name)
		require.Less(t, to.TotalAlloc-from.TotalAlloc, uint64(mayAllocate), name)
	})
	r.Eventually(func() bool { return d.count(reason) > before }, "the count of %s", name)
	good, bad := 0, 0
	var sizes []int
	for _, e := range d.take(goodDeliveries + entries) {
		RequireSane(t, e, name)
		if tenant := e.Labels[lokientry.LabelTenant]; tenant == "good" {
			good++
			require.Equal(t, d.suite.Line, e.Line, name)
		} else {
			bad++
			sizes = append(sizes, len(e.Line))
			require.EqualValues(t, "hostile", tenant, name)
		}
	}
	require.Equal(t, goodDeliveries, good, name)
	require.Equal(t, entries, bad, "%s: entries of %d bytes", name, sizes)
	require.Zero(t, r.Metric("panics_total"), name)
	d.table.add(name, fmt.Sprint(status), told(a.Error), kept(bad, flaws, d.flaws()), code(string(reason)))
}

// Check compares the table with the page.
func (d *Deliveries[A]) Check() {
	d.rig.T.Helper()
	d.table.check(d.rig.T)
}

// take returns what was forwarded, once there is as much. What comes later is met by
// the next delivery.
func (d *Deliveries[A]) take(n int) []loki.Entry {
	d.rig.T.Helper()
	sink := d.rig.Sink
	d.rig.Eventually(func() bool { return len(sink.Received()) >= n }, "%d entries", n)
	entries := sink.Received()
	sink.Clear()
	return entries
}

// requestID returns what an answer echoes.
func requestID(headers []string) string {
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "X-Amz-Firehose-Request-Id" {
			return headers[i+1][:min(len(headers[i+1]), 256)]
		}
	}
	return rig.RequestID
}

func (d *Deliveries[A]) count(reason firehose.Reason) float64 {
	return d.rig.Metric("deliveries_total", "reason", string(reason))
}

func (d *Deliveries[A]) flaws() map[string]float64 {
	flaws := map[string]float64{}
	for _, flaw := range []event.Flaw{event.FlawBase64, event.FlawCompression, event.FlawTooLarge, event.FlawJSON, event.FlawEnvelope, event.FlawNoData} {
		flaws[string(flaw)] = d.rig.Metric("flawed_entries_total", "reason", string(flaw))
	}
	return flaws
}

// kept says how many entries there are, and how many of them are flawed.
func kept(entries int, before, after map[string]float64) string {
	var flawed []string
	for _, flaw := range slices.Sorted(maps.Keys(after)) {
		if n := after[flaw] - before[flaw]; n > 0 {
			flawed = append(flawed, fmt.Sprintf("%v `%s`", n, flaw))
		}
	}
	if len(flawed) == 0 {
		return fmt.Sprint(entries)
	}
	return fmt.Sprintf("%d (%s)", entries, strings.Join(flawed, ", "))
}

// Of returns the body of a delivery with a record, as it is written, n times.
func Of(n int, record string) string { return rig.Envelope(slices.Repeat([]string{record}, n)...) }

// Bodies tries bodies and envelopes: what is in their records is all the same.
func (s Suite[A]) Bodies(t *testing.T) {
	d := s.Deliveries(t, "bodies")
	const gz = "Content-Encoding"
	good := rig.Encode(s.Record(t))

	d.Try("a gzip bomb of 1 GiB", Bomb(t, 1<<30), 400, firehose.ReasonBodySize, 0, gz, "gzip")
	d.Try("a gzip bomb in gzip", Zip(t, Bomb(t, 1<<30)), 400, firehose.ReasonEnvelope, 0, gz, "gzip")
	d.Try("a gzip bomb without `Content-Encoding`", Bomb(t, 1<<30), 400, firehose.ReasonEnvelope, 0)
	d.Try("300,000 empty gzip members", strings.Repeat(Zip(t, ""), 300_000), 400, firehose.ReasonEnvelope, 0, gz, "gzip")
	d.Try("no gzip where the header says so", Of(1, good), 400, firehose.ReasonBodyGzip, 0, gz, "gzip")
	d.Try("gzip that ends too early", Zip(t, Of(1, good))[:60], 400, firehose.ReasonBodyGzip, 0, gz, "gzip")
	d.Try("gzip twice by its header", Zip(t, Zip(t, Of(1, good))), 400, firehose.ReasonEncoding, 0, gz, "gzip, gzip")
	d.Try("another compression", Of(1, good), 400, firehose.ReasonEncoding, 0, gz, "br")

	d.Try("8 MiB of `[`", strings.Repeat("[", 8<<20), 400, firehose.ReasonEnvelope, 0)
	d.Try("64 MiB of `[`", strings.Repeat("[", 64<<20), 400, firehose.ReasonBodySize, 0)
	d.Try("64 MiB of `[` in gzip", strings.Repeat(Zip(t, strings.Repeat("[", 1<<20)), 64), 400, firehose.ReasonBodySize, 0, gz, "gzip")
	d.Try("7 MiB of `[` for records", `{"requestId":"`+rig.RequestID+`","records":`+strings.Repeat("[", 7<<20), 400, firehose.ReasonEnvelope, 0)
	d.Try("3,145,728 arrays in one another for a record", Of(1, strings.Repeat("[", 3<<20)+strings.Repeat("]", 3<<20)), 400, firehose.ReasonEnvelope, 0)
	d.Try("a member of 1,048,576 objects in one another", `{"x":`+strings.Repeat(`{"a":`, 1<<20)+`1`+strings.Repeat(`}`, 1<<20)+`,`+Of(1, good)[1:],
		400, firehose.ReasonEnvelope, 0)
	d.Try("an empty body", "", 400, firehose.ReasonEnvelope, 0)
	d.Try("`null`", "null", 400, firehose.ReasonEnvelope, 0)
	d.Try("a NUL before the envelope", "\x00"+Of(1, good), 400, firehose.ReasonEnvelope, 0)
	d.Try("UTF-16", "\xff\xfe{\x00}\x00", 400, firehose.ReasonEnvelope, 0)
	d.Try("another `requestId` than the header's", strings.Replace(Of(1, good), rig.RequestID, "another", 1), 400, firehose.ReasonRequestID, 0)
	d.Try("400,000 times the key `records`", `{`+strings.Repeat(`"records":[],`, 400_000)+Of(1, good)[1:], 200, firehose.ReasonOK, 1)

	digits := strings.Repeat("9", 1<<20)
	d.Try("a `timestamp` of 1,048,576 digits", strings.Replace(Of(1, good), `"timestamp":`, `"timestamp":`+digits, 1), 200, firehose.ReasonOK, 1)
	d.Try("the `timestamp` 1e999999999", strings.Replace(Of(1, good), `"timestamp":`, `"timestamp":1e999999999,"was":`, 1), 200, firehose.ReasonOK, 1)
	d.Try("50,000 common attributes", Of(1, good), 200, firehose.ReasonOK, 1,
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{`+strings.TrimSuffix(strings.Repeat(`"lbl_a":"x",`, 50_000), ",")+`}}`)
	d.Try("attributes that are labels of others", Of(1, good), 200, firehose.ReasonOK, 1,
		"X-Amz-Firehose-Common-Attributes", `{"commonAttributes":{"lbl___tenant_id__":"theirs","__tenant_id__":"theirs","lbl_":"a","lbl_{}":"b","lbl_a\nb":"c"}}`)
	d.Try("two tenants in a header", Of(1, good), 400, firehose.ReasonTenant, 0, "X-Scope-OrgID", "good|hostile")
	d.Try("a tenant that is a path", Of(1, good), 400, firehose.ReasonTenant, 0, "X-Scope-OrgID", "../good")
	d.Try("a request id of 1 KiB", Of(1, good), 400, firehose.ReasonRequestID, 0, "X-Amz-Firehose-Request-Id", strings.Repeat("a", 1<<10))
	d.Check()
}

// Records tries records that no component can make much of.
func (s Suite[A]) Records(t *testing.T) {
	d := s.Deliveries(t, "records")
	// What came whole of such a record is an entry, and so is the record as it came.
	d.Try("a gzip bomb of 1 GiB", Of(1, rig.Encode(Bomb(t, 1<<30))), 200, firehose.ReasonOK, 2)
	d.Try("a gzip bomb in gzip", Of(1, rig.Encode(Zip(t, Bomb(t, 1<<30)))), 200, firehose.ReasonOK, 2)
	d.Try("a gzip bomb in gzip, four times over", Of(1, rig.Encode(Zip(t, Zip(t, Zip(t, Bomb(t, 64<<20)))))), 200, firehose.ReasonOK, 1)
	d.Try("10,000 empty ones", Of(10_000, rig.Encode("")), 200, firehose.ReasonOK, 0)
	d.Try("10,001 empty ones", Of(10_001, rig.Encode("")), 400, firehose.ReasonRecords, 0)
	d.Try("10,000 line feeds", Of(10_000, rig.Encode("\n")), 200, firehose.ReasonOK, 0)
	d.Try("10,000 without data", Of(10_000, `{}`), 200, firehose.ReasonOK, 10_000)
	d.Try("values that are no records", rig.Envelope(`null`, `5`, `"x"`, `[]`, `true`, `{"data":null}`, `{"data":{}}`), 200, firehose.ReasonOK, 7)
	d.Try("no base64", Of(1, `{"data":"*"}`), 200, firehose.ReasonOK, 1)
	d.Try("a NUL, and 1 MiB of them", rig.Envelope(rig.Encode("\x00"), rig.Encode(strings.Repeat("\x00", 1<<20))), 200, firehose.ReasonOK, 2)
	d.Try("bytes that are not UTF-8", Of(1, rig.Encode("\xff\xfe\xfd \xc3\x28\xed\xa0\x80")), 200, firehose.ReasonOK, 1)
	d.Try("an envelope of CloudWatch Logs with a time of 300 digits", Of(1, rig.Encode(
		`{"logEvents":[{"id":"1","timestamp":`+strings.Repeat("9", 300)+`,"message":"a"}],"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[]}`,
	)), 200, firehose.ReasonOK, 1)
	d.Check()
}

// ManyLines tries, with the limits that a component has by itself, what makes most
// of least: a record of a few KiB with four million lines. A line is held as an
// entry, which is much more than a byte.
func (s Suite[A]) ManyLines(t *testing.T) {
	const most = 512 << 20 // Bytes.
	r := s.Start(t, listen("", rig.AnyAge), nil)
	body := Of(1, rig.Encode(Zip(t, strings.Repeat("a\n", 4<<20))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := r.Post(body)
	runtime.ReadMemStats(&after)
	require.Equal(t, 200, a.Status, a.Error)
	entries := int(r.Metric("entries_total", "outcome", "forwarded"))
	t.Logf("%d bytes, %d entries, %d MiB allocated", len(body), entries, (after.TotalAlloc-before.TotalAlloc)>>20)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(most))
	require.Equal(t, 32<<20/256+1, entries)
	require.EqualValues(t, 1, r.Metric("flawed_entries_total", "reason", "too_large"))
}
