package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/record"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// outcome is what has become of a capture.
type outcome struct {
	bundled
	sent    standin.Summary
	arrived time.Time // When the last delivery was answered.
	entries []entry   // What is stored of it.
	counted counts    // What the receiver says of it.
	match   podlog.Match
	// lines is how many lines with a time were written to the log files.
	lines int
}

// counts are metrics of the receiver.
type counts struct {
	forwarded, dropped, joined, flawed int
}

func readCounts(m metrics) (counts, error) {
	const (
		entries = "awsfirehose_kubernetes_entries_total"
		joined  = "awsfirehose_kubernetes_joined_lines_total"
		flawed  = "awsfirehose_kubernetes_flawed_entries_total"
	)
	// A metric under another name would be zero for ever.
	for _, name := range []string{entries, joined, flawed} {
		if m[name] == nil {
			return counts{}, fmt.Errorf("cannot find metric %q of Alloy", name)
		}
	}
	return counts{
		forwarded: m.sum(entries, `outcome="forwarded"`),
		dropped:   m.sum(entries, `outcome="dropped"`),
		joined:    m.sum(joined),
		flawed:    m.sum(flawed),
	}, nil
}

func (c counts) since(before counts) counts {
	return counts{
		forwarded: c.forwarded - before.forwarded,
		dropped:   c.dropped - before.dropped,
		joined:    c.joined - before.joined,
		flawed:    c.flawed - before.flawed,
	}
}

// delivery is the deliveries of one capture, made as Firehose makes them.
type delivery struct {
	bundled
	stream *standin.Stream
	built  []*standin.Delivery
}

// build reads a capture and puts its deliveries together.
func build(ctx context.Context, root string, b bundled, endpoint string) (*delivery, error) {
	sender, err := standin.NewSender(standin.Options{
		URL:              endpoint,
		Gzip:             true,
		CommonAttributes: map[string]string{"lbl_" + captureLabel: b.name},
	})
	if err != nil {
		return nil, err
	}
	stream, err := standin.NewStream(sender, standin.StreamOptions{})
	if err != nil {
		return nil, err
	}
	records := capture.Open(subscription.Gzip, b.file(root))
	defer records.Close()
	built, err := stream.Build(ctx, records)
	return &delivery{b, stream, built}, err
}

func (b bundled) file(root string) string {
	return filepath.Join(root, "testdata", "fluentbit", filepath.FromSlash(b.name)+".jsonl.gz")
}

// post delivers a capture and says what the receiver counted.
func (d *delivery) post(ctx context.Context, a *alloy) (*outcome, error) {
	before, err := a.counts(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.stream.Post(ctx, d.built); err != nil {
		return nil, fmt.Errorf("cannot deliver capture %s: %w", d.name, err)
	}
	arrived := time.Now()
	after, err := a.counts(ctx)
	if err != nil {
		return nil, err
	}
	return &outcome{bundled: d.bundled, sent: d.stream.Summary(), arrived: arrived, counted: after.since(before)}, nil
}

func (a *alloy) counts(ctx context.Context) (counts, error) {
	m, err := a.metrics(ctx)
	if err != nil {
		return counts{}, err
	}
	return readCounts(m)
}

// compare compares what is stored with the lines of the log files.
func (o *outcome) compare(all []podlog.Line) {
	var written []podlog.Line
	for _, l := range all {
		if slices.Contains(strings.Fields(o.logs), l.Dir) {
			written = append(written, l)
			if l.Nanos != 0 {
				o.lines++
			}
		}
	}
	var arrived []podlog.Arrival
	for i := range o.entries {
		arrived = append(arrived, arrivalOf(&o.entries[i]))
	}
	o.match, _ = podlog.Compare(written, arrived)
}

// arrivalOf describes an entry to podlog. A time that nobody but the delivery
// states does not count.
func arrivalOf(e *entry) podlog.Arrival {
	a := podlog.Arrival{
		Pod:       cmp.Or(e.Metadata["pod"], e.Labels["pod"]),
		Namespace: e.Labels["namespace"],
		Container: e.Labels["container"],
		Stream:    e.Labels["stream"],
		Text:      e.Line,
		Fragment:  e.Metadata["partial"] != "",
	}
	switch sourceOf(e) {
	case timestamp.CRI, timestamp.Record:
		a.Nanos = e.Nanos
	}
	return a
}

// sourceOf returns where the entry's time comes from.
func sourceOf(e *entry) timestamp.Source {
	source, _ := timestamp.ParseSource(e.Metadata["timestamp_source"])
	return source
}

// sources counts entries by the source of their time.
func (o *outcome) sources() map[timestamp.Source]int {
	n := map[timestamp.Source]int{}
	for i := range o.entries {
		n[sourceOf(&o.entries[i])]++
	}
	return n
}

// delay returns the median of the time between a line and its arrival.
func (o *outcome) delay() time.Duration {
	if len(o.entries) == 0 {
		return 0
	}
	var delays []time.Duration
	for _, e := range o.entries {
		delays = append(delays, o.arrived.Sub(time.Unix(0, e.Nanos)))
	}
	slices.Sort(delays)
	return delays[len(delays)/2]
}

// problems lists what is not as it must be.
func (o *outcome) problems() []string {
	var list []string
	must := func(ok bool, format string, args ...any) {
		if !ok {
			list = append(list, o.name+": "+fmt.Sprintf(format, args...))
		}
	}
	must(o.sent.Records > 0 && o.sent.RecordOutcomes[standin.Accepted] == o.sent.Records,
		"%d of %d records were accepted: %s", o.sent.RecordOutcomes[standin.Accepted], o.sent.Records, o.sent.LastError)
	must(o.counted.forwarded == len(o.entries), "%d entries were forwarded and %d are stored", o.counted.forwarded, len(o.entries))
	must(o.counted.flawed == 0, "%d entries could not be read", o.counted.flawed)
	must(o.counted.dropped == 0, "%d entries were dropped", o.counted.dropped)
	must(o.match.TimeExact >= o.timed, "%d lines have their exact time, of %d", o.match.TimeExact, o.timed)
	return list
}

// find returns the first entry whose line has the text.
func (o *outcome) find(text string) (entry, bool) {
	i := slices.IndexFunc(o.entries, func(e entry) bool { return strings.Contains(e.Line, text) })
	if i < 0 {
		return entry{}, false
	}
	return o.entries[i], true
}

// findRecord returns the first record of the capture that has the text, as the
// shipper wrote it before it compressed it.
func (b bundled) findRecord(root, text string) (string, error) {
	records := capture.Open(subscription.Gzip, b.file(root))
	defer records.Close()
	var decoder record.Decoder
	for records.Next() {
		decoder.Reset(record.Limits{RecordSize: standin.MaxBody, DeliverySize: standin.MaxBody})
		data, err := decoder.Decode(base64.StdEncoding.AppendEncode(nil, records.Record()))
		if err != nil {
			return "", err
		}
		if strings.Contains(string(data), text) {
			return string(data), nil
		}
	}
	if err := records.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no record of capture %s has the text %q", b.name, text)
}
