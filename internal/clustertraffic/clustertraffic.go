// Package clustertraffic generates the log events of EKS control planes as
// CloudWatch Logs hands them to a subscription, together with the truth about
// each: its exact time, its severity and what it says. All six logs of a control
// plane are there, in about the shares of real clusters. The same Options give
// the same bytes, on every machine.
//
// https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
package clustertraffic

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/grafana/alloy/eks/internal/subscription"
)

const (
	// MaxClusters is the upper bound of Options.Clusters. A cluster costs about
	// 100 KB of memory.
	MaxClusters = 1000
	// MaxBatch is the upper bound of Options.Batch.
	MaxBatch = 1000
	// MinCutAt is the lower bound of Options.CutAt, in bytes. No event but those
	// of Options.Oversized is as long.
	MinCutAt = 16 << 10
	// MaxCutAt is the upper one. A message with an event that was cut there still
	// fits into a Firehose record.
	MaxCutAt = 384 << 10

	// DefaultClusters have two accounts among them.
	DefaultClusters = 3
	// DefaultRegion is the region of the Firehose stream.
	DefaultRegion = "us-east-1"
	// DefaultBatch makes a message of audit events about 50 KB long.
	DefaultBatch = 40
	// DefaultInterval makes 1,000 events per second of log time.
	DefaultInterval = time.Millisecond
	// DefaultOversized is rare enough to leave the shares of the logs as they
	// are.
	DefaultOversized = 0.0003
	// DefaultCutAt is CloudWatch's limit of 256 KiB without the 26 bytes that it
	// adds to each event.
	DefaultCutAt = 256<<10 - 26
)

// DefaultStart is the log time of the first event unless Options say otherwise.
var DefaultStart = time.Date(2026, time.August, 20, 10, 0, 0, 0, time.UTC)

// Options say what is generated. The zero value of a field means its default.
type Options struct {
	// Clusters is the number of clusters, 1 to MaxClusters. They take turns in
	// belonging to a few accounts.
	Clusters int
	// Centralised is how many of the clusters have their logs copied to the log
	// group of a central account first, 0 to Clusters: their messages have that
	// account as owner and tell their true account and region with each event.
	Centralised int
	// Region is the region of the Firehose stream, and hence of the clusters
	// that are not centralised: a subscription does not cross regions.
	Region string
	// Batch is the largest number of events that a log stream hands over at
	// once, 1 to MaxBatch. Lines that belong together are never parted.
	Batch int
	// Oversized is the share of audit events, up to 1, that are longer than
	// CutAt, and which CloudWatch Logs therefore cuts; below 0 for none.
	Oversized float64
	// CutAt is the length of event, in bytes, at which CloudWatch Logs cuts.
	CutAt int
	// Seed chooses the clusters, the lines and their times. Zero is a seed like
	// any other.
	Seed uint64
	// Start is the log time that all events are later than.
	Start time.Time
	// Interval is the mean log time between two events of all clusters together.
	Interval time.Duration
}

func (o *Options) setDefaults() {
	setDefault(&o.Clusters, DefaultClusters)
	setDefault(&o.Region, DefaultRegion)
	setDefault(&o.Batch, DefaultBatch)
	setDefault(&o.Oversized, DefaultOversized)
	setDefault(&o.CutAt, DefaultCutAt)
	setDefault(&o.Interval, DefaultInterval)
	if o.Start.IsZero() {
		o.Start = DefaultStart
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

func (o *Options) validate() error {
	switch {
	case o.Clusters < 1 || o.Clusters > MaxClusters:
		return fmt.Errorf("number of clusters %d is not between 1 and %d", o.Clusters, MaxClusters)
	case o.Centralised < 0 || o.Centralised > o.Clusters:
		return fmt.Errorf("number of centralised clusters %d is not between 0 and %d", o.Centralised, o.Clusters)
	case !regionPattern.MatchString(o.Region):
		return fmt.Errorf("%.64q is no AWS region", o.Region)
	case o.Batch < 1 || o.Batch > MaxBatch:
		return fmt.Errorf("batch of %d events is not between 1 and %d", o.Batch, MaxBatch)
	case !(o.Oversized <= 1):
		return fmt.Errorf("share of oversized events %v is above 1", o.Oversized)
	case o.CutAt < MinCutAt || o.CutAt > MaxCutAt:
		return fmt.Errorf("length %d at which events are cut is not between %d and %d bytes", o.CutAt, MinCutAt, MaxCutAt)
	case o.Interval < time.Microsecond:
		return fmt.Errorf("interval %v is shorter than a microsecond", o.Interval)
	}
	return nil
}

// Span returns about how much log time that many messages cover, so that a caller
// can let them end at a time of its choice.
func (o Options) Span(messages int) time.Duration {
	o.setDefaults()
	return time.Duration(float64(messages) * meanBatch(o.Batch) * float64(o.Interval))
}

// Generator makes messages without end. Its memory grows with the number of
// clusters and the size of a message, not with the number of messages. It is not
// safe for concurrent use.
type Generator struct {
	opts     Options
	rng      *rand.Rand
	clusters []*cluster
	turns    []turn
	filler   []byte
	now      int64

	// stream is the one that writes at the moment, left lines of it are still
	// to come, step nanoseconds apart.
	stream *stream
	left   int
	step   int64

	lines   lines
	request request
	text    string
	events  []subscription.Event
}

// New returns a Generator, or an error when an option is out of its range.
func New(o Options) (*Generator, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	g := &Generator{
		opts: o,
		rng:  rand.New(rand.NewPCG(o.Seed, 0x636f6e74726f6c31)),
		now:  o.Start.Truncate(time.Microsecond).UnixNano(),
	}
	g.turns = newTurns(o.Batch)
	g.filler = newFiller(g.rng)
	for i := range o.Clusters {
		g.clusters = append(g.clusters, g.newCluster(i))
	}
	return g, nil
}

// Next returns what one log stream hands to its subscription: the content of one
// Firehose record. Its Events are valid until the next call; the texts in them
// are the caller's.
func (g *Generator) Next() subscription.Message {
	g.lines.reset()
	g.startBatch()
	for g.left > 0 && len(g.lines.text) < maxBatchText {
		before := len(g.lines.drafts)
		g.write()
		g.left -= len(g.lines.drafts) - before
	}
	g.text = string(g.lines.text)
	g.events = g.events[:0]
	for i := range g.lines.drafts {
		d := &g.lines.drafts[i]
		g.events = append(g.events, subscription.Event{Time: d.millis, Text: g.text[d.from:d.to]})
	}
	c := g.stream.cluster
	m := subscription.Message{Owner: c.owner, LogGroup: c.logGroup, LogStream: g.stream.name, Events: g.events}
	if c.centralised {
		m.Account, m.Region = c.account, c.region
	}
	return m
}

// maxBatchText bounds the text before the last event of a message, so that
// neither escaping nor the envelope brings a record near Firehose's limit.
const maxBatchText = 128 << 10
