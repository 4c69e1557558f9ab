package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/alecthomas/units"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"github.com/grafana/alloy/eks/internal/backup"
	"github.com/grafana/alloy/eks/internal/standin"
)

const (
	// accessKeyVariable is the environment variable with the access key. A flag
	// would show it to everybody on the machine.
	accessKeyVariable = "FIREHOSE_ACCESS_KEY"
	// tenantHeader is the header that a proxy in front of the endpoint sets.
	tenantHeader = "X-Scope-OrgID"
	// defaultAllDataMiB is how much data makes a delivery where nothing tells what
	// the stream delivered together: Firehose's own default.
	defaultAllDataMiB = standin.DefaultBufferBytes >> 20
)

// redriveFlags are the flags of the redrive command.
type redriveFlags struct {
	sender        standin.Options
	accessKeyFile string
	headers       []string
	tenant        string

	allData   bool
	s3        s3Options
	bufferMiB int
	rate      float64
	byteRate  string
	state     string
	keepGoing bool
	dryRun    bool

	form summaryForm
}

func newRedriveCommand() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive --url URL --source-arn ARN [flags] folder|file|s3://bucket/prefix",
		Short: "Deliver again what a Firehose stream has put into its backup bucket",
		Long: `Deliver the records of failed deliveries, which Amazon Data Firehose has put
into the backup bucket of a stream, as Firehose did: what was one delivery is one
again, with the time at which its newest record arrived.

Entries do not depend on when and how often they are delivered, so Loki drops what
it has: a redrive may be repeated, and may overlap with another.

The access key is read from ` + accessKeyVariable + `, or from a file. Credentials
for S3 are found as by any program of AWS.

The exit code is 0 if everything was accepted; 2 if some records could not be read,
or were refused under --keep-going; 1 if the redrive ended before its end.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.register(cmd.Flags())
	for _, name := range []string{"url", "source-arn"} {
		_ = cmd.MarkFlagRequired(name) // Fails for unknown flags only.
	}
	return cmd
}

func (f *redriveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.sender.URL, "url", "", "endpoint")
	flags.StringVar(&f.sender.SourceARN, "source-arn", "", "ARN of the stream whose backup it is; region and account of entries come from it")
	flags.StringVar(&f.accessKeyFile, "access-key-file", "", "file with the access key; a newline at its end is cut (default the environment variable "+accessKeyVariable+")")
	flags.StringVar(&f.tenant, "tenant", "", "value of the header "+tenantHeader+", where a proxy sets it for Firehose")
	flags.StringToStringVar(&f.sender.CommonAttributes, "common-attribute", nil, "common attribute of the stream as name=value; may be repeated")
	flags.StringArrayVar(&f.headers, "header", nil, `further header as "Name: value", as a proxy would add it; may be repeated`)
	flags.BoolVar(&f.sender.Gzip, "gzip", false, "compress bodies")

	flags.BoolVar(&f.allData, "all-data", false, "the objects hold all records of a stream (S3BackupMode AllData), not those of failed deliveries")
	flags.StringVar(&f.s3.EndpointURL, "endpoint-url", "", "URL of another server with S3's interface")
	flags.StringVar(&f.s3.Region, "region", "", "region of the bucket (default that of the environment, or else of the stream)")
	flags.IntVar(&f.bufferMiB, "buffer-size", 0, fmt.Sprintf("most MiB of data in a delivery, 1 to 64 (default as they were delivered, and %d with --all-data)", defaultAllDataMiB))

	flags.Float64Var(&f.rate, "rate", 0, "most records per second (default as fast as they are accepted)")
	flags.StringVar(&f.byteRate, "byte-rate", "", `most data per second, such as "5MiB" (default as fast as it is accepted)`)
	flags.StringVar(&f.state, "state", "", "file that remembers what was accepted, so that the same command goes on where it ended")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "go on behind a delivery that is not accepted")
	flags.BoolVar(&f.dryRun, "dry-run", false, "read everything and send nothing")

	flags.DurationVar(&f.sender.RetryDuration, "retry-duration", standin.DefaultRetryDuration, "how long a delivery is retried that may be accepted later, up to 2h")
	flags.DurationVar(&f.sender.RetryUnit, "retry-unit", standin.DefaultRetryUnit, "wait before the first retry; the longest is 120 times as long")
	flags.DurationVar(&f.sender.ResponseTimeout, "response-timeout", standin.DefaultResponseTimeout, "how long an answer may take")
	f.form.register(flags)
}

func (f *redriveFlags) run(cmd *cobra.Command, address string) (err error) {
	ctx := cmd.Context()
	r, err := f.redrive(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.journal.Close()) }()
	if !f.form.quiet {
		shown := showRedrive(cmd.ErrOrStderr(), r.report)
		err = r.run(ctx)
		shown.stop()
	} else {
		err = r.run(ctx)
	}
	sum := r.report.summary()
	printed := f.form.print(cmd.OutOrStdout(), sum, sum.rows(f.dryRun))
	if err == nil {
		err = sum.err()
	}
	return errors.Join(err, printed)
}

// redrive completes the flags.
func (f *redriveFlags) redrive(ctx context.Context, address string) (*redrive, error) {
	form := backup.FailedData
	if f.allData {
		form = backup.AllData
	}
	if f.bufferMiB < 0 || f.bufferMiB > standin.MaxBody>>20 {
		return nil, fmt.Errorf("--buffer-size %d is not between 1 and %d MiB", f.bufferMiB, standin.MaxBody>>20)
	}
	if f.bufferMiB == 0 && f.allData {
		f.bufferMiB = defaultAllDataMiB
	}
	limits, err := f.limits()
	if err != nil {
		return nil, err
	}
	if err := f.authenticate(); err != nil {
		return nil, err
	}
	f.sender.Hopeless = hopeless
	sender, err := standin.NewSender(f.sender)
	if err != nil {
		return nil, err
	}
	source, err := f.open(ctx, address)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(f.state, journalHead{
		Source: source.String(), Form: string(form), URL: f.sender.URL, Tenant: f.tenant, CommonAttributes: f.sender.CommonAttributes,
	}, f.dryRun)
	if err != nil {
		return nil, err
	}
	return &redrive{
		bucket: source, form: form, sender: sender, journal: journal, limits: limits,
		most: int64(f.bufferMiB) << 20, keepGoing: f.keepGoing, dryRun: f.dryRun, report: newRedriveReport(),
	}, nil
}

func (f *redriveFlags) open(ctx context.Context, address string) (bucket, error) {
	if strings.HasPrefix(address, s3Scheme) {
		f.s3.Fallback = regionOf(f.sender.SourceARN)
		return openS3(ctx, address, f.s3)
	}
	if f.s3.EndpointURL != "" || f.s3.Region != "" {
		return nil, errors.New("--endpoint-url and --region go with " + s3Scheme + " only")
	}
	return openFolder(address)
}

// authenticate sets what a request says of its sender.
func (f *redriveFlags) authenticate() (err error) {
	if f.sender.Header, err = parseHeaders(f.headers); err != nil {
		return err
	}
	if f.tenant != "" {
		f.sender.Header.Set(tenantHeader, f.tenant)
	}
	if f.accessKeyFile == "" {
		f.sender.AccessKey = os.Getenv(accessKeyVariable)
		return nil
	}
	f.sender.AccessKey, err = readAccessKey(f.accessKeyFile)
	return err
}

func readAccessKey(path string) (string, error) {
	key, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read access key: %w", err)
	}
	return strings.TrimRight(string(key), "\r\n"), nil
}

// limits returns what bounds the pace, in records and bytes.
func (f *redriveFlags) limits() ([]limit, error) {
	var limits []limit
	if !(f.rate >= 0) {
		return nil, fmt.Errorf("--rate %v is not a positive number", f.rate)
	}
	if f.rate > 0 {
		limits = append(limits, newLimit(f.rate, func(d *standin.Delivery) int { return d.Records() }))
	}
	if f.byteRate != "" {
		n, err := units.ParseBase2Bytes(f.byteRate)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("--byte-rate %.64q is no size, such as 500KiB or 5MiB", f.byteRate)
		}
		limits = append(limits, newLimit(float64(n), func(d *standin.Delivery) int { return int(d.RawBytes()) }))
	}
	return limits, nil
}

// limit bounds how much is delivered in a second.
type limit struct {
	*rate.Limiter
	cost func(*standin.Delivery) int
}

func newLimit(perSecond float64, cost func(*standin.Delivery) int) limit {
	return limit{rate.NewLimiter(rate.Limit(perSecond), 1), cost}
}

// wait returns when the delivery may go. What is saved up meanwhile is never more
// than it costs: after a stop, nothing is made up for.
func (l limit) wait(ctx context.Context, d *standin.Delivery) error {
	n := l.cost(d)
	l.SetBurst(n)
	return l.WaitN(ctx, n)
}

// hopeless tells of answers that stay the same however often they are asked for:
// what is wrong is the request, the key or the address.
func hopeless(a standin.Attempt) bool {
	switch a.Code {
	case standin.InvalidStatusCode, standin.TLSHandshakeFailure:
		return true
	case standin.DestinationException, standin.InvalidResponse:
		return a.Status/100 == 4 && a.Status != http.StatusRequestTimeout && a.Status != http.StatusTooManyRequests
	}
	return false
}
