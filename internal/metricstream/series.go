package metricstream

import (
	"bytes"
	"hash/maphash"
	"slices"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus-community/yet-another-cloudwatch-exporter/pkg/promutil"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// The names of labels. They are those of yet-another-cloudwatch-exporter.
const (
	// LabelAccount is the AWS account of the metric.
	LabelAccount = "account_id"
	// LabelRegion is the region of the metric.
	LabelRegion = "region"
	// LabelJob is what the series belong to.
	LabelJob = "job"
	// PrefixDimension begins the names of those of dimensions.
	PrefixDimension = "dimension_"
)

// Namer gives data the names of their series, and remembers them, as the same
// metrics come once a minute. It is safe for concurrent use.
type Namer struct {
	job   string
	seeds [2]maphash.Seed
	known *lru.Cache[fingerprint, []labels.Labels]
}

// fingerprint stands for all that makes the names of a datum's series. With 128
// bits under seeds that nobody outside knows, two do not meet in a lifetime.
type fingerprint [2]uint64

// NewNamer returns a Namer whose series have that job, no label if it is empty. It
// remembers up to size metrics; each costs about one kilobyte. It fails when size is
// not positive.
func NewNamer(job string, size int) (*Namer, error) {
	known, err := lru.New[fingerprint, []labels.Labels](size)
	if err != nil {
		return nil, err
	}
	return &Namer{job: job, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, known: known}, nil
}

// Len returns how many metrics are remembered.
func (n *Namer) Len() int { return n.known.Len() }

// maxRememberedSize bounds, in bytes, the labels of a metric that is remembered. A
// usual one has a fifth of it; a sender of long names must not fill the memory.
const maxRememberedSize = 8 << 10

// Series returns the labels of the datum's series, one for each of its Statistics,
// in their order. Those of a statistic whose name comes to the same as that of one
// before are empty. scratch is memory to work in, which is returned. fresh is how
// many bytes the labels have when they are not remembered, and were made for this
// call.
func (n *Namer) Series(d *Datum, scratch []byte) (series []labels.Labels, fresh int, _ []byte) {
	scratch = d.appendIdentity(scratch[:0])
	key := fingerprint{maphash.Bytes(n.seeds[0], scratch), maphash.Bytes(n.seeds[1], scratch)}
	if series, ok := n.known.Get(key); ok {
		return series, 0, scratch
	}
	series, size := n.name(d)
	if size <= maxRememberedSize {
		n.known.Add(key, series)
	}
	return series, size, scratch
}

// appendIdentity appends all that makes the names of the series, each part with its
// end.
func (d *Datum) appendIdentity(dst []byte) []byte {
	part := func(b []byte) {
		n := len(b)
		dst = append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		dst = append(dst, b...)
	}
	for _, b := range [][]byte{d.Account, d.Region, d.Namespace, d.Name} {
		part(b)
	}
	for _, x := range d.Dimensions {
		part(x.Name)
		part(x.Value)
	}
	dst = append(dst, 0xff, 0xff, 0xff, 0xff) // No part is as long as that.
	for _, s := range d.Statistics {
		part(s.Name)
	}
	return dst
}

// name makes the labels, and returns how many bytes they have.
func (n *Namer) name(d *Datum) (series []labels.Labels, size int) {
	var sb labels.ScratchBuilder
	common := n.commonLabels(d)
	namespace, name := text(d.Namespace), text(d.Name)
	series = make([]labels.Labels, len(d.Statistics))
	names := make([]string, len(d.Statistics))
	for i, s := range d.Statistics {
		names[i] = MetricName(namespace, name, text(s.Name))
		if slices.Contains(names[:i], names[i]) {
			continue
		}
		sb.Reset()
		sb.Add(model.MetricNameLabel, names[i])
		size += len(names[i])
		for _, l := range common {
			sb.Add(l.Name, l.Value)
			size += len(l.Name) + len(l.Value)
		}
		sb.Sort()
		series[i] = sb.Labels()
	}
	return series, size
}

// commonLabels returns the labels that all series of the datum have, no two of one
// name. Dimensions whose names come to the same share a label, in the way of
// OpenTelemetry, so that none is lost and no two series become one.
//
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#resource-attributes
func (n *Namer) commonLabels(d *Datum) []labels.Label {
	var out []labels.Label
	add := func(name, value string) {
		if value == "" {
			return
		}
		i := slices.IndexFunc(out, func(l labels.Label) bool { return l.Name == name })
		if i < 0 {
			out = append(out, labels.Label{Name: name, Value: value})
			return
		}
		out[i].Value += ";" + value
	}
	add(LabelJob, n.job)
	add(LabelAccount, text(d.Account))
	add(LabelRegion, text(d.Region))
	for _, x := range d.Dimensions {
		_, name := promutil.PromStringTag(text(x.Name), false)
		add(PrefixDimension+legal(name), text(x.Value))
	}
	return out
}

// MetricName returns the name of a series, which is that of
// yet-another-cloudwatch-exporter: aws_ec2_cpuutilization_maximum. What may not
// stand in a name of Prometheus, and that exporter leaves in, is an underscore.
func MetricName(namespace, metric, statistic string) string {
	return legal(promutil.BuildMetricName(namespace, metric, statistic))
}

// legal replaces what may not stand in a label's name. A digit may not begin it,
// which neither kind of name does.
func legal(name string) string {
	isLegal := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	if !slices.ContainsFunc([]byte(name), func(c byte) bool { return !isLegal(rune(c)) }) {
		return name
	}
	return string(bytes.Map(func(r rune) rune {
		if isLegal(r) {
			return r
		}
		return '_'
	}, []byte(name)))
}

// text returns b as valid UTF-8, of memory of its own. Each byte that is not becomes
// U+FFFD, as encoding/json has it.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}
