package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grafana/alloy/eks/internal/capture"
)

func newGenerateCommand() *cobra.Command {
	var (
		flags   trafficFlags
		records int
		seed    uint64
		output  string
	)
	cmd := &cobra.Command{
		Use:   "generate [flags]",
		Short: "Write generated records as a capture file",
		Long: `Write generated container-log records as a capture file: JSON Lines with one
Firehose record each, gzip-compressed if the name ends in .gz.

The same flags with the same --start write the same bytes. Every line carries a
sequence number as "req-" and twelve digits.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if records < 0 {
				return fmt.Errorf("--records %d is negative", records)
			}
			if err := flags.complete(seed, records); err != nil {
				return err
			}
			src, err := flags.open(records)
			if err != nil {
				return err
			}
			if err := writeCapture(cmd.Context(), cmd.OutOrStdout(), output, src); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d records with %d lines\n", records, src.lines)
			return nil
		},
	}
	cmd.Flags().IntVar(&records, "records", 1000, "number of records")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of everything random")
	cmd.Flags().StringVarP(&output, "output", "o", "-", "capture file to write, or - for standard output")
	flags.register(cmd.Flags())
	return cmd
}

// writeCapture writes the source's records to the file, or to stdout for "-". A
// file that could not be finished is removed.
func writeCapture(ctx context.Context, stdout io.Writer, path string, src *generated) (err error) {
	out := stdout
	if path != "-" {
		f, err := os.Create(path)
		if err != nil {
			return fmt.Errorf("cannot write capture: %w", err)
		}
		defer func() {
			if err = errors.Join(err, f.Close()); err != nil {
				_ = os.Remove(path)
			}
		}()
		out = f
	}
	w := capture.NewWriter(out, strings.HasSuffix(path, ".gz"))
	for src.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.Write(src.Record()); err != nil {
			return err
		}
	}
	return w.Close()
}
