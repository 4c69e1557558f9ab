package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/metrictraffic"
	"github.com/grafana/alloy/eks/internal/rig"
)

// What is sent in any format is in the store, to the digit and the millisecond.
func TestDeliver_Formats(t *testing.T) {
	for name, format := range metrictraffic.Formats() {
		b := newBench(t, "")
		status, message := b.deliver(format(cpu(0, 61.5), cpu(1, 62)), format(cpu(2, 63)))
		require.Equal(t, 200, status, message)
		const series = `account_id="111122223333", dimension_InstanceId="i-0a1b2c3d", job="integrations/cloudwatch", region="eu-west-1"} `
		var want []string
		for _, s := range []struct {
			name   string
			values [3]float64
		}{
			{"average", [3]float64{24, 24, 24}},
			{"maximum", [3]float64{61.5, 62, 63}},
			{"minimum", [3]float64{0.25, 0.25, 0.25}},
			{"sample_count", [3]float64{5, 5, 5}},
			{"sum", [3]float64{120, 120, 120}},
		} {
			for i, v := range s.values {
				want = append(want, fmt.Sprintf(`{__name__="aws_ec2_cpuutilization_%s", %s%v 2026-08-20T10:0%d:00.123Z`, s.name, series, v, 1+i))
			}
		}
		require.Equal(t, want, samples(t, b.store), name)
		formatName := strings.TrimRight(name, "0.17")
		require.Equal(t, map[string]float64{
			"deliveries_total{ok,200}":       1,
			"records_total":                  2,
			"data_total{" + formatName + "}": 3,
			"data_delay_seconds":             3,
			"samples_total":                  15,
			"samples_before_start_total":     15,
			"remembered_metrics":             1,
		}, b.metrics(), name)
	}
}

// What cannot be read is counted and logged where somebody debugs, and takes
// nothing with it.
func TestDeliver_Flaws(t *testing.T) {
	b := newBench(t, "limits { record_size = \"2KiB\" }")
	good := metrictraffic.OpenTelemetry1(cpu(0, 1))
	json := append(metrictraffic.JSON(cpu(1, 2)), "{\"broken\":\n{}\n"...)
	large := []byte(strings.Repeat("x", 2<<10+1))
	body := rig.Envelope(
		rig.Encode(string(good)), `{"data":"*"}`, `{}`, rig.Encode(string(large)), `{"data":"H4sIAAAAAAAA"}`,
		rig.Encode(string(json)), rig.Encode("a line of a log"), rig.Encode(""),
		rig.Encode(string(metrictraffic.OpenTelemetry1(cpu(2, 3))[:50])),
		rig.Encode(string(metrictraffic.OpenTelemetry07(cpu(3, 4)))))
	status, message := b.post(body)
	require.Equal(t, 200, status, message)
	require.Equal(t, []string{"1 2026-08-20T10:01:00.123Z", "2 2026-08-20T10:02:00.123Z", "4 2026-08-20T10:04:00.123Z"}, maxima(t, b.store))
	require.Equal(t, map[string]float64{
		"deliveries_total{ok,200}":   1,
		"records_total":              10,
		"data_total{json}":           1,
		"data_total{opentelemetry}":  2,
		"data_delay_seconds":         3,
		"samples_total":              15,
		"samples_before_start_total": 15,
		"flaws_total{base64}":        1,
		"flaws_total{no_data}":       1,
		"flaws_total{too_large}":     1,
		"flaws_total{compression}":   1,
		"flaws_total{json}":          1,
		"flaws_total{datum}":         1,
		"flaws_total{format}":        2,
		"remembered_metrics":         2, // The statistics come in another order.
	}, b.metrics())
	for _, line := range strings.Split(strings.TrimSpace(b.log.String()), "\n") {
		if strings.Contains(line, "cannot read a part") {
			require.Contains(t, line, "level=debug")
		}
	}
	require.Contains(t, b.log.String(), `a line of a log`)
}

// A record of many parts that cannot be read costs no more than to read it.
func TestDeliver_ManyFlaws(t *testing.T) {
	b := newBench(t, "")
	const flaws = 1 << 20
	begin := time.Now()
	status, message := b.deliver(gzipped(t, []byte("{}\n"+strings.Repeat("7\n", flaws-1))))
	require.Equal(t, 200, status, message)
	require.Less(t, time.Since(begin), rig.Patience)
	m := b.metrics()
	require.EqualValues(t, flaws-1, m["flaws_total{json}"])
	require.EqualValues(t, 1, m["flaws_total{datum}"])
	require.Equal(t, maxLogged, strings.Count(b.log.String(), "cannot read a part"))
}

// Samples that the store refuses for ever are counted, the others are there, and
// Firehose is not asked for them once more.
func TestDeliver_Rejections(t *testing.T) {
	b := newBench(t, "")
	status, _ := b.deliver(metrictraffic.JSON(cpu(5, 61.5)))
	require.Equal(t, 200, status)
	// The same delivery once more is no news.
	status, _ = b.deliver(metrictraffic.JSON(cpu(5, 61.5)))
	require.Equal(t, 200, status)
	require.EqualValues(t, 10, b.metrics()["samples_total"])
	// Of one with another value, that value is refused.
	status, _ = b.deliver(metrictraffic.JSON(cpu(5, 99)))
	require.Equal(t, 200, status)
	require.EqualValues(t, 1, b.metrics()["rejected_samples_total{duplicate}"])
	// One that is late, by a minute and by a year, comes with one that is not.
	status, _ = b.deliver(metrictraffic.JSON(cpu(4, 1), cpu(-365*24*60, 1), cpu(6, 62)))
	require.Equal(t, 200, status)
	m := b.metrics()
	require.EqualValues(t, 10, m["rejected_samples_total{out_of_order}"]+m["rejected_samples_total{out_of_bounds}"]+m["rejected_samples_total{too_old}"])
	require.Equal(t, []string{"61.5 2026-08-20T10:06:00.123Z", "62 2026-08-20T10:07:00.123Z"}, maxima(t, b.store))
	require.EqualValues(t, 4, m["deliveries_total{ok,200}"])
	require.EqualValues(t, 19, m["samples_total"])

	// A store with a window keeps what is late.
	store := openStore(t, 48*time.Hour)
	b = newBench(t, "", store)
	status, _ = b.deliver(metrictraffic.JSON(cpu(5, 61.5), cpu(4, 60), cpu(-47*60, 59)))
	require.Equal(t, 200, status)
	require.Equal(t, []string{"59 2026-08-18T11:01:00.123Z", "60 2026-08-20T10:05:00.123Z", "61.5 2026-08-20T10:06:00.123Z"}, maxima(t, store))
	require.EqualValues(t, 15, b.metrics()["samples_total"])
}

// Two statistics that come to one name are one sample, and the other one is counted.
func TestDeliver_OneName(t *testing.T) {
	b := newBench(t, "")
	status, _ := b.deliver([]byte(fmt.Sprintf(`{"namespace":"N","metric_name":"m","timestamp":%d,"value":{"sum":1,"SUM":2}}`, moment.UnixMilli())))
	require.Equal(t, 200, status)
	require.Len(t, samples(t, b.store), 1)
	require.EqualValues(t, 1, b.metrics()["rejected_samples_total{duplicate}"])
}

// broken is a store that fails when it is told to.
type broken struct {
	storage.Appendable
	append, commit error
	wait           bool // In the first Append, for the end of the context.
	rolledBack     int
}

func (b *broken) Appender(ctx context.Context) storage.Appender {
	return &brokenAppender{b.Appendable.Appender(ctx), ctx, b}
}

type brokenAppender struct {
	storage.Appender
	ctx context.Context
	of  *broken
}

func (a *brokenAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if a.of.wait {
		<-a.ctx.Done()
	}
	if a.of.append != nil {
		return 0, a.of.append
	}
	return a.Appender.Append(ref, l, t, v)
}

func (a *brokenAppender) Commit() error {
	if a.of.commit != nil {
		return errors.Join(a.of.commit, a.Appender.Rollback())
	}
	return a.Appender.Commit()
}

func (a *brokenAppender) Rollback() error {
	a.of.rolledBack++
	return a.Appender.Rollback()
}

// A receiver that fails keeps the delivery with Firehose, and nothing is counted of
// it but that it was refused.
func TestDeliver_Fails(t *testing.T) {
	f := func(change func(*broken), rolledBack int) {
		t.Helper()
		store := openStore(t, 0)
		behind := &broken{Appendable: store}
		change(behind)
		b := newBench(t, "", behind)
		status, message := b.deliver(metrictraffic.JSON(cpu(0, 1)), []byte("flawed"))
		require.Equal(t, 503, status)
		require.Equal(t, "the records could not be handed over, try again", message)
		require.Equal(t, rolledBack, behind.rolledBack)
		require.Empty(t, samples(t, store))
		require.Equal(t, map[string]float64{
			"deliveries_total{downstream,503}": 1, "records_total": 2, "remembered_metrics": 1,
		}, b.metrics())

		behind.append, behind.commit = nil, nil
		status, _ = b.deliver(metrictraffic.JSON(cpu(0, 1)), []byte("flawed"))
		require.Equal(t, 200, status)
		require.Len(t, samples(t, store), 5)
	}
	f(func(b *broken) { b.commit = errors.New("the disk is full") }, 0)
	f(func(b *broken) { b.append = errors.New("prometheus.remote_write.default has exited") }, 1)
}

// A delivery that takes too long is left off, and Firehose keeps it.
func TestDeliver_Timeout(t *testing.T) {
	store := openStore(t, 0)
	slow := &broken{Appendable: store, wait: true}
	b := newBench(t, "limits { delivery_timeout = \"1s\" }", slow)
	status, _ := b.deliver(metrictraffic.JSON(cpu(0, 1), cpu(1, 1)))
	require.Equal(t, 503, status)
	require.EqualValues(t, 1, b.metrics()["deliveries_total{delivery_timeout,503}"])
	require.Empty(t, samples(t, store))
	require.Equal(t, 1, slow.rolledBack)
}

// Of several receivers each has everything, and one that fails is waited for.
func TestDeliver_Several(t *testing.T) {
	one, other := openStore(t, 0), openStore(t, 0)
	failing := &broken{Appendable: other, append: errors.New("not now")}
	b := newBench(t, "", one, failing)
	status, _ := b.deliver(metrictraffic.JSON(cpu(0, 1)))
	require.Equal(t, 503, status)
	require.Empty(t, samples(t, one))

	failing.append = nil
	failing.commit = errors.New("not now")
	status, _ = b.deliver(metrictraffic.JSON(cpu(0, 1)))
	require.Equal(t, 503, status)
	require.Len(t, samples(t, one), 5, "the other one could commit")

	failing.commit = nil
	status, _ = b.deliver(metrictraffic.JSON(cpu(0, 1)))
	require.Equal(t, 200, status)
	require.Len(t, samples(t, one), 5)
	require.Equal(t, samples(t, one), samples(t, other))
}

func TestRejection(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		require.Equal(t, want, rejection(err))
	}
	f(storage.ErrOutOfOrderSample, "out_of_order")
	f(fmt.Errorf("series x: %w", storage.ErrTooOldSample), "too_old")
	f(storage.ErrOutOfBounds, "out_of_bounds")
	f(storage.NewDuplicateFloatErr(1, 2, 3), "duplicate")
	f(fmt.Errorf("empty labelset: %w", tsdb.ErrInvalidSample), "invalid")
	f(errors.New("the disk is full"), "")
	var both error = multierror.Append(nil, storage.ErrOutOfOrderSample, storage.ErrOutOfBounds)
	f(both, "out_of_bounds")
	both = multierror.Append(nil, storage.ErrOutOfOrderSample, errors.New("the disk is full"))
	f(both, "")
	f(errors.Join(errors.New("the disk is full"), storage.ErrOutOfOrderSample), "")
	f(errors.Join(storage.ErrOutOfOrderSample, storage.ErrOutOfOrderSample), "out_of_order")
}

// Records can be compressed, and OpenTelemetry's bytes are never taken for that.
func TestDeliver_Compressed(t *testing.T) {
	b := newBench(t, "")
	for n := range 130 { // Each size of a message up to where its size has two bytes.
		d := metrictraffic.Datum{Namespace: strings.Repeat("n", 1+n), Name: "m", Time: moment}
		status, _ := b.deliver(metrictraffic.OpenTelemetry1(d))
		require.Equal(t, 200, status)
	}
	require.EqualValues(t, 130, b.metrics()["data_total{opentelemetry}"])
	status, _ := b.deliver(gzipped(t, metrictraffic.OpenTelemetry1(cpu(0, 1))), gzipped(t, metrictraffic.JSON(cpu(1, 1))))
	require.Equal(t, 200, status)
	require.EqualValues(t, 131, b.metrics()["data_total{opentelemetry}"])
	require.EqualValues(t, 1, b.metrics()["data_total{json}"])
}

// Limits and keys are those of every endpoint.
func TestDeliver_Refused(t *testing.T) {
	b := newBench(t, "access_key = \"secret\"\nlimits {\n records = 2\n record_size = \"1KiB\"\n delivery_size = \"64KiB\"\n}")
	body := rig.Envelope(rig.Encode("x"))
	status, _ := b.post(body)
	require.Equal(t, 401, status)
	status, _ = b.post(body, "X-Amz-Firehose-Access-Key", "secret")
	require.Equal(t, 200, status)
	status, message := b.post(rig.Envelope(rig.Encode("x"), rig.Encode("x"), rig.Encode("x")), "X-Amz-Firehose-Access-Key", "secret")
	require.Equal(t, 400, status)
	require.Contains(t, message, "limits.records, 2")
	require.EqualValues(t, 1, b.metrics()["deliveries_total{access_key,401}"])
}

// What samples hold counts among what all deliveries hold.
func TestDeliver_ConcurrentSize(t *testing.T) {
	limits := "limits {\n body_size = \"1MiB\"\n decompressed_body_size = \"1MiB\"\n record_size = \"1MiB\"\n" +
		" delivery_size = \"1MiB\"\n concurrent_size = \"2560KiB\"\n remembered_metrics = 100\n}"
	b := newBench(t, limits)
	statistics := ""
	for i := range 60 {
		statistics += fmt.Sprintf(`"p%d":1,`, i)
	}
	line := fmt.Sprintf(`{"namespace":"N","metric_name":"m","timestamp":%d,"value":{%s"sum":1}}`+"\n", moment.UnixMilli(), statistics)
	status, _ := b.deliver(gzipped(t, []byte(strings.Repeat(line, 100))))
	require.Equal(t, 200, status)
	status, message := b.deliver(gzipped(t, []byte(strings.Repeat(line, 1000))))
	require.Equal(t, 503, status)
	require.NotEmpty(t, message)
	require.EqualValues(t, 1, b.metrics()["deliveries_total{concurrent_size,503}"])
}

func TestUpdate(t *testing.T) {
	b := newBench(t, "")
	status, _ := b.deliver(metrictraffic.JSON(cpu(0, 1)))
	require.Equal(t, 200, status)
	before := b.endpoint.Address()
	namer := b.pipeline.Load().namer

	args := b.arguments("access_key = \"secret\"")
	args.Endpoint.Server = b.arguments("").Endpoint.Server
	require.NoError(t, b.Update(args))
	require.Equal(t, before, b.endpoint.Address(), "the server runs on")
	require.Same(t, namer, b.pipeline.Load().namer, "what is remembered survives")
	status, _ = b.deliver(metrictraffic.JSON(cpu(1, 1)))
	require.Equal(t, 401, status)

	other := openStore(t, 0)
	b.behind = []storage.Appendable{other}
	require.NoError(t, b.Update(b.arguments("job = \"aws\"")))
	status, _ = b.deliver(metrictraffic.JSON(cpu(2, 1)))
	require.Equal(t, 200, status)
	require.Contains(t, samples(t, other)[0], `job="aws"`)
	require.Len(t, samples(t, b.store), 5)

	f := func(change func(*Arguments), want string) {
		t.Helper()
		args := b.arguments("")
		change(&args)
		require.ErrorContains(t, b.Update(args), want)
		status, _ := b.deliver(metrictraffic.JSON(cpu(2, 1)))
		require.Equal(t, 200, status, "nothing has changed")
	}
	f(func(a *Arguments) { a.Limits.RememberedMetrics = -1 }, "cannot remember -1 metrics (argument limits.remembered_metrics)")
	f(func(a *Arguments) { a.Limits.Endpoint.DeliveryTimeout = time.Hour }, "body_timeout and delivery_timeout")
}

// A sample that is not older than the component is no early one.
func TestDeliver_Early(t *testing.T) {
	b := newBench(t, "")
	d := cpu(0, 1)
	d.Time = time.Now().Add(time.Second)
	status, _ := b.deliver(metrictraffic.JSON(cpu(0, 1), d))
	require.Equal(t, 200, status)
	require.EqualValues(t, 10, b.metrics()["samples_total"])
	require.EqualValues(t, 5, b.metrics()["samples_before_start_total"])
}

func TestDebugInfo(t *testing.T) {
	b := newBench(t, "")
	status, _ := b.deliver(metrictraffic.JSON(cpu(0, 1)))
	require.Equal(t, 200, status)
	require.Eventually(t, func() bool {
		return b.DebugInfo().(DebugInfo).Endpoint.Deliveries["200"] == 1
	}, rig.Patience, 5*time.Millisecond)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, b.DebugInfo().(DebugInfo).Endpoint.Address)
	b.stop()
	require.Empty(t, b.DebugInfo().(DebugInfo).Endpoint.Address)
}
