// Package metricstream reads the records of CloudWatch metric streams, in all of
// their output formats, and names what is in them as Prometheus does: a record
// becomes data, each of which is the statistics of one metric in one period, and a
// datum becomes the label sets of its series.
//
// The formats are JSON, an object in each line, and OpenTelemetry 1.0.0 and 0.7.0,
// ExportMetricsServiceRequest messages each of which has its size in front. A
// record does not say which one it has, so that is told from its bytes.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats.html
package metricstream

import (
	"bytes"
	"math"
	"slices"
)

// Datum is what CloudWatch knows of one metric in one period. Its bytes are
// borrowed: they are good until the Parser goes on.
type Datum struct {
	// Account is the AWS account that the metric belongs to, Region its region;
	// empty when the stream does not say.
	Account, Region []byte
	// Namespace is that of the metric, such as AWS/EC2; it is not empty.
	Namespace []byte
	// Name is the metric's, such as CPUUtilization; it is not empty.
	Name []byte
	// Dimensions are sorted by name; there are no two of one name.
	Dimensions []Dimension
	// Millis is the time of the datum in milliseconds since the epoch, more than 0:
	// the end of the period in the OpenTelemetry formats, and in JSON what stands
	// there as timestamp.
	Millis int64
	// Statistics are those that the stream sends, and Average, which is made of Sum
	// and SampleCount. There is at least one, there are no two of one name, and none
	// is not a number.
	Statistics []Statistic
}

// Dimension is one of the pairs that tell a metric from others of its name.
type Dimension struct {
	Name, Value []byte
}

// Statistic is one number of a datum. Its name is CloudWatch's: Sum, SampleCount,
// Minimum, Maximum, Average, p99, TM(25%:75%) and so on.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
type Statistic struct {
	Name  []byte
	Value float64
}

// The names of the statistics that every datum of CloudWatch has.
var (
	statSum         = []byte("Sum")
	statSampleCount = []byte("SampleCount")
	statMinimum     = []byte("Minimum")
	statMaximum     = []byte("Maximum")
	statAverage     = []byte("Average")
)

// The bounds of a datum. CloudWatch allows 30 dimensions, and 20 statistics beside
// the four that are always there; what has more is made to cost.
const (
	maxDimensions = 64
	maxStatistics = 64
)

// Flaw says why a part of a record could not be read, in one word of a closed set;
// empty when it could.
type Flaw string

// The flaws of records and of parts of them.
const (
	// FlawFormat is a record that is in none of the formats.
	FlawFormat Flaw = "format"
	// FlawJSON is a line that is no JSON object.
	FlawJSON Flaw = "json"
	// FlawProtobuf is a message of OpenTelemetry that is damaged. What came before
	// the damage has been read.
	FlawProtobuf Flaw = "protobuf"
	// FlawKind is a metric of OpenTelemetry that is no summary: CloudWatch sends no
	// others.
	FlawKind Flaw = "kind"
	// FlawDatum is a datum that lacks a namespace, a name, a time or statistics, has
	// one of another type, or has more dimensions or statistics than CloudWatch
	// allows.
	FlawDatum Flaw = "datum"
)

// Flaws returns all flaws that a Parser finds.
func Flaws() []Flaw { return []Flaw{FlawFormat, FlawJSON, FlawProtobuf, FlawKind, FlawDatum} }

// reset empties d and keeps its memory.
func (d *Datum) reset() {
	*d = Datum{Dimensions: d.Dimensions[:0], Statistics: d.Statistics[:0]}
}

// setDimension adds a dimension where it belongs; of two with one name the last
// one counts.
func (d *Datum) setDimension(name, value []byte) {
	i, found := slices.BinarySearchFunc(d.Dimensions, name, func(x Dimension, name []byte) int {
		return bytes.Compare(x.Name, name)
	})
	if found {
		d.Dimensions[i].Value = value
		return
	}
	d.Dimensions = slices.Insert(d.Dimensions, i, Dimension{Name: name, Value: value})
}

// setStatistic adds a statistic; of two with one name the last one counts.
func (d *Datum) setStatistic(name []byte, value float64) {
	for i := range d.Statistics {
		if bytes.Equal(d.Statistics[i].Name, name) {
			d.Statistics[i].Value = value
			return
		}
	}
	d.Statistics = append(d.Statistics, Statistic{Name: name, Value: value})
}

// statistic returns the value of a statistic.
func (d *Datum) statistic(name []byte) (float64, bool) {
	for _, s := range d.Statistics {
		if bytes.Equal(s.Name, name) {
			return s.Value, true
		}
	}
	return 0, false
}

// finish adds the average, and reports whether the datum has all that it needs.
func (d *Datum) finish() bool {
	sum, summed := d.statistic(statSum)
	count, counted := d.statistic(statSampleCount)
	if summed && counted && count > 0 {
		d.setStatistic(statAverage, sum/count)
	}
	if slices.ContainsFunc(d.Statistics, func(s Statistic) bool { return math.IsNaN(s.Value) }) {
		return false
	}
	return len(d.Namespace) > 0 && len(d.Name) > 0 && d.Millis > 0 && len(d.Statistics) > 0 &&
		len(d.Statistics) <= maxStatistics && len(d.Dimensions) <= maxDimensions
}
