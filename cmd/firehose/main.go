// Command firehose stands in for Amazon Data Firehose: it delivers captured or
// generated log records to an HTTP endpoint as Firehose does, and writes
// captures of generated records.
//
//	firehose send --url http://127.0.0.1:8080/awsfirehose/api/v1/push capture.jsonl.gz
//	firehose send --url http://127.0.0.1:8081/awsfirehose/api/v1/push --generate 1000 --traffic controlplane
//	firehose generate --records 100000 --output capture.jsonl.gz
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
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "firehose:", err)
		stop()
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "firehose",
		Short:         "A stand-in for Amazon Data Firehose",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newSendCommand(), newGenerateCommand())
	return root
}
