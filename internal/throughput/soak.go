package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// soak is a pipeline under a load that it bears for long.
type soak struct {
	settings
	pipeline string
	duration time.Duration
	share    float64
}

func newSoakCommand() *cobra.Command {
	s := soak{settings: settings{
		output: filepath.Join("build", "bench-e2e-soak.json"), workloads: []string{"containers"},
		// There are more pods than a receiver remembers, so that it has to forget.
		load: load{Deliveries: 100, Connections: 4, Pods: 100_000, Scattered: true},
	}}
	cmd := &cobra.Command{
		Use:   "soak [flags]",
		Short: "Let a pipeline work for long, and fail when its memory or its goroutines grow",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.root, "root", ".", "folder of the repository")
	flags.StringVar(&s.output, "output", s.output, "JSON file for everything that was measured, from the folder of the repository")
	flags.IntVar(&s.cores, "receiver-cores", 1, "cores for the pipeline; the others are for sender and sink")
	flags.StringVar(&s.pipeline, "pipeline", "ours", "pipeline")
	flags.DurationVar(&s.duration, "duration", 30*time.Minute, "how long it works")
	flags.Float64Var(&s.share, "share", 0.7, "share of what it can take, 0 to 1")
	s.registerLoad(flags)
	return cmd
}

// state is what a process was at a moment of a soak.
type state struct {
	At         time.Duration `json:"at_ns"`
	RSS        float64       `json:"rss_bytes"`
	Heap       float64       `json:"heap_inuse_bytes"`
	Goroutines float64       `json:"goroutines"`
	CPU        time.Duration `json:"cpu_ns"`
	Records    int           `json:"records"` // Accepted so far.
}

// soaked is what a soak has measured.
type soaked struct {
	Environment environment `json:"environment"`
	Workload    string      `json:"workload"`
	Pipeline    string      `json:"pipeline"`
	Load        load        `json:"load"`
	Capacity    float64     `json:"records_per_second_at_most"`
	Retries     int         `json:"retries"`
	States      []state     `json:"states"`
}

func (s *soak) run(ctx context.Context, out, progress io.Writer) error {
	if s.duration <= 0 || !(s.share > 0 && s.share <= 1) || len(s.workloads) != 1 {
		return errors.New("a soak wants a duration, a share from 0 to 1, and one workload")
	}
	s.rounds, s.idle, s.pipelines = 1, time.Second, []string{s.pipeline}
	b, chosen, err := s.prepare(progress)
	if err != nil {
		return err
	}
	env, err := b.environment()
	if err != nil {
		return err
	}
	w := &chosen[0]
	p := &w.pipelines[len(w.pipelines)-1] // The first is upstream's.
	if p.name != s.pipeline {
		return fmt.Errorf("workload %s has no pipeline %.64q that is built", w.name, s.pipeline)
	}
	fmt.Fprint(out, env)
	rep, err := b.soak(ctx, w, p, s)
	if err != nil {
		return err
	}
	rep.Environment = *env
	fmt.Fprintf(out, "\n%s", rep)
	if err := s.save(rep); err != nil {
		return err
	}
	return rep.verdict()
}

// soak runs the pipeline.
func (b *bench) soak(ctx context.Context, w *workload, p *pipeline, s *soak) (*soaked, error) {
	l := s.load.or(w.load)
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
	recv, stop, err := p.open(ctx, b, to)
	if err != nil {
		return nil, err
	}
	defer stop()
	m := &measurement{bench: b, load: &l, batch: built, store: to}
	rep := &soaked{Workload: w.name, Pipeline: p.name, Load: l}
	b.progress("%s, %s: what it can take", w.name, p.name)
	if rep.Capacity, err = m.capacity(ctx, recv, min(10*time.Second, s.duration/4)); err != nil {
		return nil, err
	}
	rep.Load.Rate = s.share * rep.Capacity
	b.progress("%s, %s: %s records/s for %s", w.name, p.name, thousands(rep.Load.Rate), s.duration)
	return rep, m.keepUp(ctx, recv, rep, s.duration)
}

// capacity returns how many records per second a receiver takes when it is sent as
// many as it takes.
func (m *measurement) capacity(ctx context.Context, recv *receiver, atLeast time.Duration) (float64, error) {
	stream, err := m.load.stream(recv.endpoint, 0)
	if err != nil {
		return 0, err
	}
	for begin := time.Now(); time.Since(begin) < atLeast; {
		if err := stream.Post(ctx, m.batch.deliveries); err != nil {
			return 0, fmt.Errorf("cannot send deliveries: %w", err)
		}
	}
	sum := stream.Summary()
	return sum.RecordsPerSecond, accepted(sum, recv)
}

// A soak looks at its process so many times, and no more often than at such an
// interval: looking costs some milliseconds.
const (
	looks         = 200
	leastInterval = 100 * time.Millisecond
)

// keepUp sends at a steady rate, and looks at the receiver now and then.
func (m *measurement) keepUp(ctx context.Context, recv *receiver, rep *soaked, duration time.Duration) error {
	stream, err := m.load.stream(recv.endpoint, rep.Load.Rate)
	if err != nil {
		return err
	}
	sending, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var sent error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sent == nil && sending.Err() == nil {
			sent = stream.Post(sending, m.batch.deliveries)
		}
	}()
	tick := time.NewTicker(max(leastInterval, duration/looks))
	defer tick.Stop()
	begin := time.Now()
	for time.Since(begin) < duration {
		select {
		case <-done:
			return fmt.Errorf("cannot send deliveries: %w", sent)
		case <-tick.C:
		}
		at, err := recv.state(ctx)
		if err != nil {
			return err
		}
		at.At, at.Records = time.Since(begin), stream.Summary().Records
		rep.States = append(rep.States, at)
	}
	sum := stream.Summary() // Before the last deliveries are given up.
	stop(errEnough)
	<-done
	rep.Retries = sum.Attempts - sum.Deliveries
	return accepted(sum, recv)
}

// errEnough ends a soak.
var errEnough = errors.New("the soak is over")

// state returns what the receiver is at the moment.
func (r *receiver) state(ctx context.Context) (state, error) {
	u, err := r.usage()
	if err != nil {
		return state{}, err
	}
	rss, _, err := r.memory()
	if err != nil {
		return state{}, err
	}
	f, err := scrape(ctx, r.metrics)
	if err != nil {
		return state{}, err
	}
	at := state{RSS: float64(rss), CPU: u.cpu}
	if at.Heap, err = f.value(r.names.heap); err != nil {
		return state{}, err
	}
	if r.names.goroutines != "" {
		at.Goroutines, err = f.value(r.names.goroutines)
	}
	return at, err
}

// aspect is a thing that must not grow.
type aspect struct {
	name string
	of   func(*state) float64
	unit float64
	// slack is how much more there may be of it at the end, in units, beside a
	// tenth: where the garbage collector is in its cycle is chance.
	slack float64
}

const mebibyte = 1 << 20

var aspects = []aspect{
	{"RSS MiB", func(s *state) float64 { return s.RSS }, mebibyte, 4},
	{"heap MiB", func(s *state) float64 { return s.Heap }, mebibyte, 4},
	{"goroutines", func(s *state) float64 { return s.Goroutines }, 1, 5},
}

// quarter returns the median of an aspect in a quarter of the soak, 0 to 3.
func (rep *soaked) quarter(q int, a *aspect) float64 {
	n := len(rep.States)
	var values []float64
	for i := n * q / 4; i < n*(q+1)/4; i++ {
		values = append(values, a.of(&rep.States[i])/a.unit)
	}
	return median(values)
}

// errGrows is returned when something has grown.
var errGrows = errors.New("it grows")

// verdict compares the last quarter with the second: in the first there is what
// takes its place once.
func (rep *soaked) verdict() error {
	const least = 8
	if len(rep.States) < least {
		return fmt.Errorf("a soak of %d samples says nothing", len(rep.States))
	}
	var grown error
	for i := range aspects {
		a := &aspects[i]
		before, after := rep.quarter(1, a), rep.quarter(3, a)
		if after > before*1.1+a.slack {
			grown = errors.Join(grown, fmt.Errorf("%w: %s from %s to %s", errGrows, a.name, number(before), number(after)))
		}
	}
	return grown
}

// String shows the medians of the four quarters.
func (rep *soaked) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s records/s at most, %s records/s sent by %d connections, %d pods, %d retries; medians of the quarters\n",
		rep.Workload, rep.Pipeline, thousands(rep.Capacity), thousands(rep.Load.Rate), rep.Load.Connections, rep.Load.Pods, rep.Retries)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "until\tCPU µs/record\tRSS MiB\theap MiB\tgoroutines\t")
	n := len(rep.States)
	for q := 0; q < 4 && n >= 4; q++ {
		first, last := &rep.States[n*q/4], &rep.States[n*(q+1)/4-1]
		cost := (last.CPU - first.CPU).Seconds() * 1e6 / float64(max(1, last.Records-first.Records))
		fmt.Fprintf(t, "%s\t%s\t", last.At.Round(time.Second), number(cost))
		for i := range aspects {
			fmt.Fprintf(t, "%s\t", number(rep.quarter(q, &aspects[i])))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // A Builder takes everything.
	return b.String()
}
