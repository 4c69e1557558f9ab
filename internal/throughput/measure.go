package main

import (
	"context"
	"encoding/json"
	"errors"
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

// registerBench registers the flags that say with what is measured.
func (s *settings) registerBench(flags *pflag.FlagSet) {
	flags.StringVar(&s.root, "root", ".", "folder of the repository")
	flags.StringVar(&s.output, "output", s.output, "JSON file for everything that was measured, from the folder of the repository")
	flags.StringSliceVar(&s.pipelines, "pipeline", s.pipelines, "pipelines beside upstream, if they are built; none for all")
	flags.IntVar(&s.cores, "receiver-cores", 1, "cores for the pipeline; the others are for sender and sink")
	flags.IntVar(&s.rounds, "rounds", s.rounds, "how often each pipeline is measured")
	flags.DurationVar(&s.idle, "idle", 2*time.Second, "how long each pipeline is watched with nothing to do")
}

// registerLoad registers the flags that say what is sent.
func (s *settings) registerLoad(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.workloads, "workload", s.workloads, "kinds of records")
	for _, f := range []struct {
		name  string
		value *int
		about string
	}{
		{"deliveries", &s.load.Deliveries, "distinct deliveries, all in memory"},
		{"passes", &s.load.Passes, "how often they are sent in each measurement"},
		{"records", &s.load.Records, "records of a delivery"},
		{"connections", &s.load.Connections, "deliveries under way at the same time"},
		{"record-size", &s.load.RecordSize, "mean size of container records, in bytes"},
		{"pods", &s.load.Pods, "pods that write"},
	} {
		flags.IntVar(f.value, f.name, *f.value, f.about+" (0 for what is usual)")
	}
	flags.BoolVar(&s.load.Scattered, "scattered", s.load.Scattered, "let each container record be of another pod than the one before")
	flags.BoolVar(&s.load.Gzip, "gzip", s.load.Gzip, "compress bodies")
	flags.Float64Var(&s.load.Rate, "rate", s.load.Rate, "records per second (0 for as many as are taken)")
}

func workloadNames() []string {
	var names []string
	for i := range workloads {
		names = append(names, workloads[i].name)
	}
	return names
}

func newMeasureCommand() *cobra.Command {
	s := settings{output: filepath.Join("build", "bench-e2e.json"), rounds: 5, workloads: workloadNames()}
	cmd := &cobra.Command{
		Use:   "measure [flags]",
		Short: "Measure all pipelines under one load",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.measure(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.registerBench(cmd.Flags())
	s.registerLoad(cmd.Flags())
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
		r, err := b.measure(ctx, &chosen[i], s.load.or(chosen[i].load))
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
	chosen, err := s.choose(progress)
	return b, chosen, err
}

func (s *settings) choose(progress io.Writer) ([]workload, error) {
	if s.rounds < 1 || min(s.load.Passes, s.load.Deliveries, s.load.Records, s.load.Connections) < 0 {
		return nil, errors.New("rounds, passes, deliveries, records and connections must be positive")
	}
	var chosen []workload
	for _, name := range s.workloads {
		i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown workload %.64q", name)
		}
		w := workloads[i]
		w.pipelines = slices.DeleteFunc(slices.Clone(w.pipelines), func(p pipeline) bool { return !s.wants(&p, progress) })
		if len(w.pipelines) == 0 {
			return nil, fmt.Errorf("workload %s has no pipeline of %q", name, s.pipelines)
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}

// wants tells whether a pipeline is to be measured. The first one always is.
func (s *settings) wants(p *pipeline, progress io.Writer) bool {
	if len(s.pipelines) > 0 && p.name != upstreamName && !slices.Contains(s.pipelines, p.name) {
		return false
	}
	if p.program == "" {
		return true
	}
	_, err := os.Stat(filepath.Join(s.root, "build", p.program))
	if err != nil {
		fmt.Fprintf(progress, "%s is left out: %v\n", p.name, err)
	}
	return err == nil
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
