package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings are what all commands that measure have in common.
type settings struct {
	root      string
	output    string
	workloads []string
	pipelines []string
	cores     int
	rounds    int
	idle      time.Duration
	load      load
}

func (s *settings) register(flags *pflag.FlagSet) {
	var names []string
	for _, w := range workloads {
		names = append(names, w.name)
	}
	flags.StringVar(&s.root, "root", ".", "folder of the repository")
	flags.StringVar(&s.output, "output", s.output, "JSON file for everything that was measured, in the folder of the repository")
	flags.StringSliceVar(&s.workloads, "workload", names, "kinds of records")
	flags.StringSliceVar(&s.pipelines, "pipeline", nil, "pipelines beside "+upstreamName+" (default all)")
	flags.IntVar(&s.cores, "receiver-cores", 1, "cores for the pipeline; the others are for sender and sink")
	flags.IntVar(&s.rounds, "rounds", s.rounds, "how often each pipeline is measured")
	flags.DurationVar(&s.idle, "idle", 2*time.Second, "how long each pipeline is watched with nothing to do")

	flags.IntVar(&s.load.Deliveries, "deliveries", s.load.Deliveries, "distinct deliveries, all in memory")
	flags.IntVar(&s.load.Passes, "passes", s.load.Passes, "how often they are sent in each measurement")
	flags.IntVar(&s.load.Records, "records", s.load.Records, "records of a delivery")
	flags.IntVar(&s.load.RecordSize, "record-size", s.load.RecordSize, "mean size of container records, in bytes")
	flags.IntVar(&s.load.Pods, "pods", s.load.Pods, "pods that write")
	flags.IntVar(&s.load.Connections, "connections", s.load.Connections, "deliveries under way at the same time")
	flags.BoolVar(&s.load.Gzip, "gzip", s.load.Gzip, "compress bodies")
	flags.Float64Var(&s.load.Rate, "rate", s.load.Rate, "records per second (default as many as are taken)")
}

// defaultLoad takes the slowest pipeline some twenty seconds, and the fastest one
// long enough for a clock with steps of 10 ms.
func defaultLoad() load {
	return load{Deliveries: 50, Passes: 6, Records: 1000, RecordSize: 1200, Pods: 200, Connections: 2}
}

func newMeasureCommand() *cobra.Command {
	s := settings{output: filepath.Join("build", "bench-e2e.json"), rounds: 5, load: defaultLoad()}
	cmd := &cobra.Command{
		Use:   "measure [flags]",
		Short: "Measure all pipelines under one load",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.measure(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// report is what a command has measured, and where.
type report struct {
	Environment environment `json:"environment"`
	Results     []*result   `json:"results"`
}

func (s *settings) measure(ctx context.Context, out, progress io.Writer) error {
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
	for i := range chosen {
		r, err := b.measure(ctx, &chosen[i], s.load)
		if err != nil {
			return err
		}
		rep.Results = append(rep.Results, r)
		fmt.Fprintf(out, "\n%s", table(&chosen[i], r))
	}
	return s.save(rep)
}

// prepare returns the bench, and the workloads with the pipelines that are chosen.
func (s *settings) prepare(progress io.Writer) (*bench, []workload, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot find this program: %w", err)
	}
	b := &bench{root: s.root, self: self, rounds: s.rounds, idle: s.idle}
	b.progress = func(format string, a ...any) {
		fmt.Fprintf(progress, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, a...))
	}
	if b.receiver, b.others, err = divide(s.cores); err != nil {
		return nil, nil, err
	}
	if err := b.others.occupy(); err != nil {
		return nil, nil, err
	}
	chosen, err := s.choose()
	return b, chosen, err
}

func (s *settings) choose() ([]workload, error) {
	if s.rounds < 1 || s.load.Passes < 1 || s.load.Deliveries < 1 {
		return nil, fmt.Errorf("rounds, passes and deliveries must be positive")
	}
	var chosen []workload
	for _, name := range s.workloads {
		i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown workload %.64q", name)
		}
		w := workloads[i]
		if len(s.pipelines) > 0 {
			w.pipelines = slices.DeleteFunc(slices.Clone(w.pipelines), func(p pipeline) bool {
				return p.name != upstreamName && !slices.Contains(s.pipelines, p.name)
			})
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}

// save writes everything that was measured into a file.
func (s *settings) save(rep any) error {
	if s.output == "" {
		return nil
	}
	text, err := json.MarshalIndent(rep, "", "\t")
	if err != nil {
		return fmt.Errorf("cannot write measurements: %w", err)
	}
	file := filepath.Join(s.root, s.output)
	if filepath.IsAbs(s.output) {
		file = s.output
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write measurements: %w", err)
	}
	return nil
}
