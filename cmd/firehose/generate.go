package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/standin"
)

func newGenerateCommand() *cobra.Command {
	var (
		flags   trafficFlags
		records int
		seed    uint64
		output  string
		truth   string
	)
	cmd := &cobra.Command{
		Use:   "generate [flags]",
		Short: "Write generated records as a capture file",
		Long: `Write generated records as a capture file: JSON Lines with one Firehose record
each, gzip-compressed if the name ends in .gz.

The same flags with the same --start write the same bytes. Every line of a
container carries a sequence number as "req-" and twelve digits.

--truth writes what a receiver should find, as JSON Lines with one line or event
each: where it was written and when, to the last digit, its level and, of the
control plane, its fields.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if records < 0 {
				return fmt.Errorf("--records %d is negative", records)
			}
			if err := flags.complete(cmd.Flags(), seed, records, standin.DefaultSourceARN); err != nil {
				return err
			}
			src, err := flags.open(records)
			if err != nil {
				return err
			}
			if truth != "" && truth == output {
				return errors.New("--truth and --output are the same file")
			}
			if err := writeFiles(cmd.Context(), cmd.OutOrStdout(), output, truth, src); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d records with %d lines\n", records, src.lines)
			return nil
		},
	}
	cmd.Flags().IntVar(&records, "records", 1000, "number of records")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of everything random")
	cmd.Flags().StringVarP(&output, "output", "o", "-", "capture file to write, or - for standard output")
	cmd.Flags().StringVar(&truth, "truth", "", "file for the truth about the lines")
	flags.register(cmd.Flags())
	return cmd
}

// writeFiles writes the source's records to the capture file, or to stdout for
// "-", and what there is to know about their lines to the truth file, if it has a
// name. Files that could not be finished are removed.
func writeFiles(ctx context.Context, stdout io.Writer, path, truth string, src *generated) error {
	write := func(truth io.Writer) error {
		return writeFile("capture", path, stdout, func(out io.Writer) error {
			return writeCapture(ctx, out, strings.HasSuffix(path, ".gz"), truth, src)
		})
	}
	if truth == "" {
		return write(nil)
	}
	return writeFile("truth", truth, stdout, write)
}

// writeFile lets write write the file, or to stdout for "-". A file that could not
// be finished is removed.
func writeFile(what, path string, stdout io.Writer, write func(io.Writer) error) (err error) {
	if path == "-" {
		return write(stdout)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", what, err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(path)
		}
	}()
	return write(f)
}

// writeCapture writes the source's records to out as a capture, and the truth
// about them to truth unless that is nil.
func writeCapture(ctx context.Context, out io.Writer, compress bool, truth io.Writer, src *generated) error {
	w := capture.NewWriter(out, compress)
	var buffer *bufio.Writer
	if truth != nil {
		buffer = bufio.NewWriter(truth)
	}
	for record := 0; src.Next(); record++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.Write(src.Record()); err != nil {
			return err
		}
		if buffer != nil {
			if err := writeTruth(buffer, src.generator.truth(record)); err != nil {
				return err
			}
		}
	}
	if err := src.Err(); err != nil {
		return err
	}
	if buffer != nil {
		if err := buffer.Flush(); err != nil {
			return fmt.Errorf("cannot write truth: %w", err)
		}
	}
	return w.Close()
}

// writeTruth writes each value as a line of JSON.
func writeTruth(w io.Writer, truth []any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, value := range truth {
		if err := enc.Encode(value); err != nil {
			return fmt.Errorf("cannot write truth: %w", err)
		}
	}
	return nil
}
