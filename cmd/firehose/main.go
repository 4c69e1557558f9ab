// Command firehose stands in for Amazon Data Firehose: it delivers captured or
// generated log records to an HTTP endpoint as Firehose does, writes captures of
// generated records, and delivers again what Firehose has put into its backup
// bucket.
//
//	firehose send --url http://127.0.0.1:8080/awsfirehose/api/v1/push capture.jsonl.gz
//	firehose send --url http://127.0.0.1:8081/awsfirehose/api/v1/push --generate 1000 --traffic controlplane
//	firehose generate --records 100000 --output capture.jsonl.gz
//	firehose redrive --url https://logs.example.com/awsfirehose/api/v1/push --source-arn ARN s3://bucket/http-endpoint-failed/
package main

import (
	"context"
	"errors"
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
		os.Exit(exitCode(err))
	}
}

// errIncomplete is the error of a command that has come to its end and has left
// something out.
var errIncomplete = errors.New("not everything was delivered")

func exitCode(err error) int {
	if errors.Is(err, errIncomplete) {
		return 2
	}
	return 1
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "firehose",
		Short:         "A stand-in for Amazon Data Firehose",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newSendCommand(), newGenerateCommand(), newRedriveCommand())
	return root
}
