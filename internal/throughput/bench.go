package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grafana/alloy/eks/internal/standin"
)

// bench is where pipelines are measured.
type bench struct {
	root string // The folder of the repository.
	self string // This program.
	// receiver are the cores of the pipeline at work; sender and sink have the
	// others.
	receiver, others cores
	// rounds is how often each pipeline is measured.
	rounds int
	// idle is how long a pipeline is watched with nothing to do.
	idle time.Duration
	// progress is told what is going on.
	progress func(format string, a ...any)
}

// result is what the pipelines of a workload have cost under a load.
type result struct {
	Workload string `json:"workload"`
	Load     load   `json:"load"`
	// Sweep and Value say of which sweep it is a point.
	Sweep string `json:"sweep,omitempty"`
	Value string `json:"value,omitempty"`
	// Records and Entries are those of all distinct deliveries. RecordBytes is the
	// mean size of a record's part of the body, before compression.
	Records     int     `json:"records"`
	Entries     int     `json:"entries"`
	RecordBytes float64 `json:"record_body_bytes"`
	// Streams is how many streams the first pipeline stored them in.
	Streams int   `json:"streams"`
	Rows    []row `json:"rows"`
}

// row is what one pipeline has cost.
type row struct {
	Pipeline string `json:"pipeline"`
	About    string `json:"about"`
	// Differs says why it is not compared with the first; empty if it is.
	Differs string `json:"differs,omitempty"`
	// Stored is what it made of all deliveries, sent once, and Differences are
	// those from what the first pipeline made of them.
	Stored      totals       `json:"stored"`
	Differences []difference `json:"differences,omitempty"`
	Samples     []sample     `json:"samples"`
}

// measure sends deliveries to the pipelines in turn, round by round.
func (b *bench) measure(ctx context.Context, w *workload, l load) (*result, error) {
	src, err := w.open(&l)
	if err != nil {
		return nil, err
	}
	built, err := l.build(ctx, src)
	if err != nil {
		return nil, err
	}
	to, err := startStore(ctx, b.others, b.self)
	if err != nil {
		return nil, err
	}
	defer to.End()
	r := &result{
		Workload: w.name, Load: l, Records: built.records, Entries: built.entries,
		RecordBytes: float64(built.body) / float64(built.records),
	}
	var first []entry
	for round := range b.rounds {
		for i := range w.pipelines {
			p := &w.pipelines[i]
			b.progress("%s, round %d of %d: %s", w.name, round+1, b.rounds, p.name)
			m := measurement{bench: b, load: &l, batch: built, store: to}
			if err := m.run(ctx, p); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", w.name, p.name, err)
			}
			if round == 0 {
				r.Rows = append(r.Rows, row{Pipeline: p.name, About: p.about, Differs: p.differs, Stored: m.stored})
				if i == 0 {
					first, r.Streams = m.entries, countStreams(m.entries)
				} else if err := r.check(i, first, m.entries, src.excuse); err != nil {
					return nil, err
				}
			}
			at := &r.Rows[i]
			if m.stored.Sum != at.Stored.Sum {
				return nil, fmt.Errorf("%s, %s: %w in round %d than in the first", w.name, p.name, errDiffers, round+1)
			}
			at.Samples = append(at.Samples, m.sample)
		}
	}
	return r, nil
}

func countStreams(entries []entry) int {
	streams := map[string]bool{}
	for i := range entries {
		streams[entries[i].Labels] = true
	}
	return len(streams)
}

// errDiffers is returned when a pipeline has not stored what it must: its costs
// mean nothing then.
var errDiffers = errors.New("other entries were stored")

// check compares what the first pipeline and the one in row i have stored.
func (r *result) check(i int, first, second []entry, excuse func(first, second entry) string) error {
	want, at := &r.Rows[0], &r.Rows[i]
	switch {
	case at.Stored.Entries != want.Stored.Entries:
		return fmt.Errorf("%w by %s than by %s: %d, and not %d", errDiffers, at.Pipeline, want.Pipeline, at.Stored.Entries, want.Stored.Entries)
	case at.Differs != "" || at.Stored.Sum == want.Stored.Sum:
		return nil
	}
	var err error
	at.Differences, err = checkEntries(at.Pipeline, want.Pipeline, first, second, excuse)
	return err
}

// checkEntries returns how two stores differ, and an error when there is no reason
// for it.
func checkEntries(name, firstName string, first, second []entry, excuse func(first, second entry) string) ([]difference, error) {
	differences := compare(first, second, excuse)
	text := ""
	for _, d := range differences {
		if d.Reason == "" {
			text += "\n  " + d.String()
		}
	}
	if text != "" {
		return nil, fmt.Errorf("%w by %s than by %s:%s", errDiffers, name, firstName, text)
	}
	return differences, nil
}

// measurement is one pipeline at work, from its start to its end.
type measurement struct {
	*bench
	load  *load
	batch *batch
	store *store

	stored  totals
	entries []entry
	sample  sample
}

// quiet is after which time without a new entry nothing more is to come: loki.write
// keeps entries for a second at most.
const quiet = 5 * time.Second

// run starts the pipeline, sends everything once, which warms it up and shows what
// it stores, and then measures.
func (m *measurement) run(ctx context.Context, p *pipeline) error {
	recv, stop, err := p.open(ctx, m.bench, m.store)
	if err != nil {
		return err
	}
	defer stop()
	if m.sample.StartRSS, _, err = recv.memory(); err != nil {
		return err
	}
	if err := m.verify(ctx, recv); err != nil {
		return err
	}
	idle, err := m.watch(ctx, recv)
	if err != nil {
		return err
	}
	return m.measure(ctx, recv, idle)
}

// verify sends everything once, no faster than it is sent later: the peak of the
// receiver's memory is that of its whole life.
func (m *measurement) verify(ctx context.Context, recv *receiver) error {
	if err := m.store.reset(ctx, true); err != nil {
		return err
	}
	_, err := m.send(ctx, recv, 1, m.load.Rate)
	if err != nil {
		return err
	}
	if m.stored, err = m.store.settled(ctx, recv.child, m.batch.entries, quiet); err != nil {
		return err
	}
	m.entries, err = m.store.entries(ctx)
	return err
}

// watch returns the share of a core that the receiver uses when nothing is sent.
func (m *measurement) watch(ctx context.Context, recv *receiver) (float64, error) {
	before, err := recv.usage()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(m.idle):
	}
	after, err := recv.usage()
	if err != nil {
		return 0, err
	}
	return (after.cpu - before.cpu).Seconds() / after.at.Sub(before.at).Seconds(), nil
}

// measure sends everything as often as the load says. idle is what watch returned.
func (m *measurement) measure(ctx context.Context, recv *receiver, idle float64) error {
	if err := m.store.reset(ctx, false); err != nil {
		return err
	}
	allocated, err := recv.allocatedBytes(ctx)
	if err != nil {
		return err
	}
	foreign, err := others(recv.child, m.store.child)
	if err != nil {
		return err
	}
	before, err := recv.usage()
	if err != nil {
		return err
	}
	sum, err := m.send(ctx, recv, m.load.Passes, m.load.Rate)
	if err != nil {
		return err
	}
	want := m.stored.Entries * m.load.Passes
	got, err := m.store.settled(ctx, recv.child, want, quiet)
	if err != nil {
		return err
	}
	after, err := recv.usage()
	if err != nil {
		return err
	}
	if bytes := m.stored.Bytes * int64(m.load.Passes); got.Entries != want || got.Bytes != bytes {
		return fmt.Errorf("%w: %d of %d, with %d of %d bytes", errDiffers, got.Entries, want, got.Bytes, bytes)
	}
	s := &m.sample
	if s.Others, err = others(recv.child, m.store.child); err != nil {
		return err
	}
	s.Others -= foreign
	s.Entries, s.Bytes, s.Retries = got.Entries, got.Bytes, sum.Attempts-sum.Deliveries
	s.Wall = after.at.Sub(before.at)
	s.Sending = time.Duration(sum.Elapsed * float64(time.Second))
	s.Idle = time.Duration(idle * float64(s.Wall))
	s.CPU = after.cpu - before.cpu - s.Idle
	gc := after.gc.since(before.gc)
	s.GC, s.Collections = gc.cpu, gc.cycles
	if s.Allocated, err = recv.allocatedBytes(ctx); err != nil {
		return err
	}
	s.Allocated -= allocated
	_, s.PeakRSS, err = recv.memory()
	return err
}

// allocatedBytes returns how much the receiver has allocated since it began.
func (r *receiver) allocatedBytes(ctx context.Context) (float64, error) {
	f, err := scrape(ctx, r.metrics)
	if err != nil {
		return 0, err
	}
	return f.value(r.names.allocated)
}

// send sends everything some times, and fails when anything is not accepted.
func (m *measurement) send(ctx context.Context, recv *receiver, passes int, rate float64) (standin.Summary, error) {
	stream, err := m.load.stream(recv.endpoint, rate)
	if err != nil {
		return standin.Summary{}, err
	}
	for range passes {
		if err := stream.Post(ctx, m.batch.deliveries); err != nil {
			return standin.Summary{}, fmt.Errorf("cannot send deliveries: %w", err)
		}
	}
	return stream.Summary(), accepted(stream.Summary(), recv)
}

// accepted returns an error unless the receiver has taken everything.
func accepted(sum standin.Summary, recv *receiver) error {
	if sum.AllAccepted() {
		return nil
	}
	return fmt.Errorf("%d of %d deliveries were accepted: %s; %s says:\n%s",
		sum.Outcomes[standin.Accepted], sum.Deliveries, sum.LastError, recv.Name(), recv.log.Tail())
}
