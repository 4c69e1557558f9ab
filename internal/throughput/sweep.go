package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// sweep is how costs depend on one thing.
type sweep struct {
	name   string
	about  string
	points []point
	// show is shown of each pipeline at each point.
	show []measure
}

// point is one load of a sweep.
type point struct {
	value string
	load  load
}

// sweeps are of container records. A point takes the upstream pipeline some seconds.
var sweeps = []sweep{
	{
		name: "record-size", about: "mean size of a record in bytes; deliveries of at most 1.2 MB",
		points: bySize(200, 500, 1200, 5_000, 20_000, 100_000, 1_000_000),
		show:   []measure{cpuPerEntry, cpuPerByte, peakRSS},
	},
	{
		name: "pods", about: "pods that write, each record by another one than the record before",
		points: byPods(1, 10, 200, 1000, 10_000, 100_000),
		show:   []measure{cpuPerEntry, peakRSS},
	},
	{
		name: "records", about: "records of a delivery",
		points: byRecords(1, 10, 100, 1000, 10_000),
		show:   []measure{cpuPerEntry, peakRSS},
	},
	{
		name: "gzip", about: "compressed bodies",
		points: []point{{"off", load{Passes: 2}}, {"on", load{Passes: 2, Gzip: true}}},
		show:   []measure{cpuPerEntry, peakRSS},
	},
	{
		name: "connections", about: "deliveries under way at the same time",
		points: byConnections(1, 2, 4, 8, 16, 32, 64),
		show:   []measure{cpuPerEntry, peakRSS},
	},
	{
		name: "rate", about: "records per second",
		points: []point{
			{"3,000", load{Deliveries: 30, Passes: 2, Rate: 3000}},
			{"all", load{Deliveries: 30, Passes: 2}},
		},
		show: []measure{cpuPerEntry, peakRSS},
	},
	{
		name: "large-bodies", about: "deliveries of 64 MiB under way at the same time",
		points: byLargeBodies(1, 2, 4),
		show:   []measure{cpuPerEntry, peakRSS, grown, retries},
	},
}

func bySize(sizes ...int) []point {
	var points []point
	for _, size := range sizes {
		records := max(1, min(1000, 1_200_000/size))
		// Half of what a record costs does not depend on its size.
		entries := 40_000_000 / (600 + size)
		points = append(points, point{thousands(float64(size)), load{
			RecordSize: size, Records: records, Deliveries: max(2, min(entries, 20_000)/records), Passes: 3,
		}})
	}
	return points
}

func byPods(counts ...int) []point {
	// Three records of a pod on average let all but one in twenty write. Deliveries are as
	// many at each point, so that their bytes come out of the same memory, not out of a cache where pods
	// are few.
	deliveries := max(30, 3*slices.Max(counts)/1000)
	var points []point
	for _, pods := range counts {
		points = append(points, point{thousands(float64(pods)), load{Pods: pods, Deliveries: deliveries, Passes: 1, Scattered: true}})
	}
	return points
}

func byRecords(counts ...int) []point {
	var points []point
	for _, n := range counts {
		points = append(points, point{thousands(float64(n)), load{Records: n, Deliveries: max(3, 20_000/n), Passes: 3}})
	}
	return points
}

func byConnections(counts ...int) []point {
	var points []point
	for _, n := range counts {
		points = append(points, point{thousands(float64(n)), load{Connections: n, Deliveries: 64, Passes: 1}})
	}
	return points
}

func byLargeBodies(counts ...int) []point {
	// Ten thousand records of this size, in base64, are 64 MiB less a little.
	const size = 4800
	var points []point
	for _, n := range counts {
		points = append(points, point{thousands(float64(n)), load{
			RecordSize: size, Records: 10_000, Connections: n, Deliveries: 4, Passes: 1,
		}})
	}
	return points
}

func newSweepCommand() *cobra.Command {
	s := settings{output: filepath.Join("build", "bench-e2e-sweep.json"), rounds: 3, workloads: []string{"containers"}, pipelines: []string{"ours", floorName}}
	var only []string
	fraction := 1.0
	cmd := &cobra.Command{
		Use:   "sweep [flags]",
		Short: "Measure how costs depend on one thing after the other",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(fraction > 0 && fraction <= 1) {
				return fmt.Errorf("fraction %v is not between 0 and 1", fraction)
			}
			return s.sweep(cmd.Context(), only, fraction, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	var names []string
	for i := range sweeps {
		names = append(names, sweeps[i].name)
	}
	s.registerBench(cmd.Flags())
	cmd.Flags().StringSliceVar(&only, "only", names, "sweeps")
	cmd.Flags().Float64Var(&fraction, "fraction", fraction, "share of each point's deliveries, for a quick look")
	return cmd
}

func (s *settings) sweep(ctx context.Context, only []string, fraction float64, out, progress io.Writer) error {
	for _, name := range only {
		if !slices.ContainsFunc(sweeps, func(sw sweep) bool { return sw.name == name }) {
			return fmt.Errorf("unknown sweep %.64q", name)
		}
	}
	b, chosen, err := s.prepare(progress)
	if err != nil {
		return err
	}
	env, err := b.environment()
	if err != nil {
		return err
	}
	rep := report{Environment: *env}
	fmt.Fprint(out, env)
	w := &chosen[0]
	for i := range sweeps {
		sw := &sweeps[i]
		if !slices.Contains(only, sw.name) {
			continue
		}
		results, err := b.sweep(ctx, w, sw, fraction)
		if err != nil {
			return fmt.Errorf("sweep %s, %w", sw.name, err)
		}
		rep.Results = append(rep.Results, results...)
		fmt.Fprintf(out, "\n%s", sweepTable(sw, results))
	}
	return s.save(rep)
}

// sweep measures at all points of a sweep.
func (b *bench) sweep(ctx context.Context, w *workload, sw *sweep, fraction float64) ([]*result, error) {
	var results []*result
	for _, p := range sw.points {
		b.progress("sweep %s: %s", sw.name, p.value)
		l := p.load.or(w.load)
		l.Deliveries = max(1, int(fraction*float64(l.Deliveries)))
		r, err := b.measure(ctx, w, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.value, err)
		}
		r.Sweep, r.Value = sw.name, p.value
		results = append(results, r)
	}
	return results, nil
}

// sweepTable shows the results at the points of a sweep, one line each.
func sweepTable(sw *sweep, results []*result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\nmedians of %d rounds; all pipelines stored the same entries\n", sw.name, sw.about, len(results[0].Rows[0].Samples))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t\t\t")
	for _, m := range sw.show {
		fmt.Fprintf(t, "%s%s", m.title, strings.Repeat("\t", len(results[0].Rows)))
	}
	fmt.Fprintf(t, "\t\n%s\tbody bytes\tstreams\t", sw.name)
	for range sw.show {
		for i := range results[0].Rows {
			fmt.Fprintf(t, "%s\t", results[0].Rows[i].Pipeline)
		}
	}
	fmt.Fprintln(t, "upstream/ours\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%s\t%s\t", r.Value, thousands(r.RecordBytes*float64(r.Load.Records)), thousands(float64(r.Streams)))
		for _, m := range sw.show {
			for i := range r.Rows {
				fmt.Fprintf(t, "%s\t", m.cell(r, &r.Rows[i]))
			}
		}
		fmt.Fprintf(t, "%s\t\n", r.ratio(upstreamName, "ours"))
	}
	_ = t.Flush() // A Builder takes everything.
	for _, r := range results {
		if text := r.exceptions(); text != "" {
			fmt.Fprintf(&b, "at %s:%s\n", r.Value, text)
		}
	}
	return b.String()
}
