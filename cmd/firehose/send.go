package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/grafana/alloy/eks/internal/capture"
	"github.com/grafana/alloy/eks/internal/standin"
	"github.com/grafana/alloy/eks/internal/subscription"
)

// sendFlags are the flags of the send command.
type sendFlags struct {
	sender        standin.Options
	stream        standin.StreamOptions
	bufferMiB     int
	accessKeyFile string
	headers       []string
	timestamp     string

	generate int
	traffic  trafficFlags
	repeat   int
	prebuild bool

	form summaryForm
}

func newSendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send --url URL [flags] [capture files]",
		Short: "Deliver captured or generated records as Firehose does",
		Long: `Deliver records to an HTTP endpoint with Amazon Data Firehose's requests,
buffering, retries and backup.

Captures are JSON Lines, plain or gzip: {"data_base64":"..."} is one record;
{"logGroupName":..,"logStreamName":..,"timestamp":..,"message":..} is one
CloudWatch event, which is wrapped in a subscription message.

The exit code is 0 only if every delivery was accepted.`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.register(cmd.Flags())
	_ = cmd.MarkFlagRequired("url") // Fails for unknown flags only.
	return cmd
}

func (f *sendFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.sender.URL, "url", "", "endpoint")
	flags.StringVar(&f.sender.AccessKey, "access-key", "", "access key")
	flags.StringVar(&f.accessKeyFile, "access-key-file", "", "file with the access key; a newline at its end is cut")
	flags.StringVar(&f.sender.SourceARN, "source-arn", standin.DefaultSourceARN, "ARN of the stream")
	flags.StringToStringVar(&f.sender.CommonAttributes, "common-attribute", nil, "common attribute as name=value; may be repeated")
	flags.StringArrayVar(&f.headers, "header", nil, `further header as "Name: value", as a proxy would add it; may be repeated`)
	flags.BoolVar(&f.sender.Gzip, "gzip", false, "compress bodies")
	flags.StringVar(&f.timestamp, "timestamp", "", "request timestamp of all deliveries, RFC 3339 or milliseconds since the epoch (default now)")

	flags.IntVar(&f.bufferMiB, "buffer-size", standin.DefaultBufferBytes>>20, "MiB of data that make a delivery, 1 to 64")
	flags.IntVar(&f.stream.BufferRecords, "buffer-records", standin.MaxRecords, fmt.Sprintf("records that make a delivery, 1 to %d", standin.MaxRecords))
	flags.DurationVar(&f.stream.BufferInterval, "buffer-interval", standin.DefaultBufferInterval, "age of its oldest record that makes a delivery, up to 15m")
	flags.IntVar(&f.stream.Connections, "connections", 1, "deliveries under way at the same time")
	flags.Float64Var(&f.stream.Rate, "rate", 0, "records that arrive per second (default as fast as possible)")

	flags.DurationVar(&f.sender.RetryDuration, "retry-duration", standin.DefaultRetryDuration, "how long a failed delivery is retried, up to 2h; 0 for not at all")
	flags.DurationVar(&f.sender.RetryUnit, "retry-unit", standin.DefaultRetryUnit, "wait before the first retry; the longest is 120 times as long")
	flags.DurationVar(&f.sender.ResponseTimeout, "response-timeout", standin.DefaultResponseTimeout, "how long an answer may take")
	flags.StringVar(&f.sender.BackupDir, "backup", "", "folder for the records of failed deliveries")
	flags.Uint64Var(&f.sender.Seed, "seed", 0, "seed of request ids, jitter and generated records (default random ids, records of seed 0)")

	flags.IntVar(&f.generate, "generate", 0, "send that many generated records instead of captures")
	f.traffic.register(flags)
	flags.IntVar(&f.repeat, "repeat", 1, "how often everything is sent")
	flags.BoolVar(&f.prebuild, "prebuild", false, "put all deliveries together before the first is sent, and repeat them with the same request ids; for benchmarks")
	f.form.register(flags)
}

func (f *sendFlags) run(cmd *cobra.Command, captures []string) error {
	if err := f.check(cmd.Flags(), captures); err != nil {
		return err
	}
	sender, err := standin.NewSender(f.sender)
	if err != nil {
		return err
	}
	stream, err := standin.NewStream(sender, f.stream)
	if err != nil {
		return err
	}
	stop := func() {}
	if !f.form.quiet {
		stop = showProgress(cmd.ErrOrStderr(), stream)
	}
	err = f.deliver(cmd.Context(), stream, captures)
	stop()
	sum := stream.Summary()
	if err := f.form.print(cmd.OutOrStdout(), sum, summaryRows(sum)); err != nil {
		return err
	}
	if err == nil && !sum.AllAccepted() {
		err = fmt.Errorf("%d of %d deliveries were not accepted: %s",
			sum.Deliveries-sum.Outcomes[standin.Accepted], sum.Deliveries, sum.LastError)
	}
	return err
}

// check completes the options from flags that need more than a type.
func (f *sendFlags) check(flags *pflag.FlagSet, captures []string) error {
	switch {
	case f.generate < 0 || f.repeat < 1:
		return errors.New("--generate and --repeat must be positive")
	case (f.generate > 0) == (len(captures) > 0):
		return errors.New("either capture files or --generate must be given")
	case f.bufferMiB < 1 || f.bufferMiB > standin.MaxBody>>20:
		return fmt.Errorf("--buffer-size %d is not between 1 and %d MiB", f.bufferMiB, standin.MaxBody>>20)
	}
	f.stream.BufferBytes = f.bufferMiB << 20
	f.sender.Connections = f.stream.Connections
	var err error
	if f.sender.Header, err = parseHeaders(f.headers); err != nil {
		return err
	}
	if f.sender.Timestamp, err = parseTimestamp(f.timestamp); err != nil {
		return err
	}
	if err := f.traffic.complete(flags, f.sender.Seed, f.generate, f.sender.SourceARN); err != nil {
		return err
	}
	if f.accessKeyFile != "" {
		f.sender.AccessKey, err = readAccessKey(f.accessKeyFile)
	}
	return err
}

// deliver sends everything as often as asked for.
func (f *sendFlags) deliver(ctx context.Context, stream *standin.Stream, captures []string) error {
	var built []*standin.Delivery
	for round := range f.repeat {
		if f.prebuild && round > 0 {
			if err := stream.Post(ctx, built); err != nil {
				return err
			}
			continue
		}
		src, err := f.open(captures)
		if err != nil {
			return err
		}
		if !f.prebuild {
			err = stream.Run(ctx, src)
		} else if built, err = stream.Build(ctx, src); err == nil {
			err = stream.Post(ctx, built)
		}
		if err = errors.Join(err, src.Close()); err != nil {
			return err
		}
	}
	return nil
}

// source is a source of records that must be closed.
type source interface {
	standin.Source
	io.Closer
}

func (f *sendFlags) open(captures []string) (source, error) {
	if f.generate > 0 {
		return f.traffic.open(f.generate)
	}
	form, err := subscription.ParseForm(f.traffic.cloudWatch)
	if err != nil {
		return nil, err
	}
	return capture.Open(form, captures...), nil
}

func parseHeaders(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf(`--header %.64q is not "Name: value"`, line)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}

func parseTimestamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read --timestamp: %w", err)
	}
	return t, nil
}
