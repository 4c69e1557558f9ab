// Command throughput measures what whole pipelines cost, from the HTTP request of
// a Firehose delivery to the push request that Loki gets. It sends the same
// deliveries, in turn, to the pipeline that people build from Alloy's own
// components and to this distribution's, each in a process of its own, and lets
// both write to one counting sink. Numbers are printed only when both have stored
// the same entries.
//
//	go run ./internal/throughput measure
//	go run ./internal/throughput measure --workload containers --rounds 9 --gzip
//
// `make bench-e2e` builds what it runs. Everything listens on loopback, and ends
// with the program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "throughput",
		Short:         "Measure pipelines from Firehose deliveries to Loki's push requests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newMeasureCommand(), newSweepCommand(), newSoakCommand(), newSinkCommand(), newFloorCommand())
	return root
}
