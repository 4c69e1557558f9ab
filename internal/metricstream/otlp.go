package metricstream

import (
	"bytes"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of the fields that are read. What changed names between the versions
// kept its number: instrumentation_library_metrics became scope_metrics,
// double_summary became summary. Only labels are another field than attributes.
//
// https://github.com/open-telemetry/opentelemetry-proto/blob/v1.0.0/opentelemetry/proto/metrics/v1/metrics.proto
// https://github.com/open-telemetry/opentelemetry-proto/blob/v0.7.0/opentelemetry/proto/metrics/v1/metrics.proto
const (
	requestResourceMetrics = 1

	resourceMetricsResource = 1
	resourceMetricsScopes   = 2
	resourceAttributes      = 1
	scopeMetrics            = 2

	metricSummary     = 11
	summaryDataPoints = 1

	pointLabels     = 1 // Of version 0.7.0.
	pointTime       = 3
	pointCount      = 4
	pointSum        = 5
	pointQuantiles  = 6
	pointAttributes = 7

	quantileQuantile = 1
	quantileValue    = 2

	pairKey   = 1
	pairValue = 2

	valueString = 1
	valuePairs  = 6
	valueLast   = 7 // Of the kinds that there are.
	pairsValues = 1
)

// isOtherKind reports whether a field of a metric is a kind that is no summary, of
// either version.
func isOtherKind(num protowire.Number) bool { return num >= 4 && num < metricSummary }

// otlp is where a Parser stands in messages of OpenTelemetry: what is left at each
// level.
type otlp struct {
	begun           bool
	resources       fields // Of a message.
	scopes          fields // Of resource metrics.
	metrics         fields // Of scope metrics.
	points          fields // Of a summary.
	account, region []byte // Of the resource.
}

// nextFrame cuts the next message off a record. ok is false when there is none, or
// when its size goes beyond the record.
func nextFrame(rec []byte) (message, rest []byte, ok bool) {
	size, n := protowire.ConsumeVarint(rec)
	if n < 0 || size > math.MaxUint32 || size > uint64(len(rec)-n) {
		return nil, nil, false
	}
	return rec[n : n+int(size)], rec[n+int(size):], true
}

// isFramed reports whether a record is messages with their sizes in front, each of
// which looks like a request from end to end. By chance no text does: one that
// begins with an open brace would need another frame after its first 124 bytes.
func isFramed(rec []byte) bool {
	for len(rec) > 0 {
		message, rest, ok := nextFrame(rec)
		if !ok {
			return false
		}
		f := fields{rest: message}
		for f.next() {
			if !f.is(requestResourceMetrics, protowire.BytesType) {
				return false
			}
		}
		if f.bad {
			return false
		}
		rec = rest
	}
	return true
}

// nextOTLP goes to the next data point.
func (p *Parser) nextOTLP() bool {
	o := &p.otlp
	for {
		switch {
		case o.points.nextMessage(summaryDataPoints):
			return p.readPoint(o.points.val)
		case o.points.bad:
			return p.damaged(&o.points)
		case o.metrics.nextMessage(scopeMetrics):
			if flaw := p.openMetric(o.metrics.val); flaw != "" {
				return p.failed(flaw, o.metrics.val)
			}
		case o.metrics.bad:
			return p.damaged(&o.metrics)
		case o.scopes.nextMessage(resourceMetricsScopes):
			o.metrics = fields{rest: o.scopes.val}
		case o.scopes.bad:
			return p.damaged(&o.scopes)
		case o.resources.nextMessage(requestResourceMetrics):
			if !p.openResource(o.resources.val) {
				return p.failed(FlawProtobuf, o.resources.val)
			}
		case o.resources.bad:
			return p.damaged(&o.resources)
		case len(p.rest) == 0:
			return false
		default:
			if !p.openMessage() {
				return true
			}
		}
	}
}

// damaged leaves the rest of a level.
func (p *Parser) damaged(level *fields) bool {
	part := level.rest
	*level = fields{}
	return p.failed(FlawProtobuf, part)
}

// openMessage goes to the next message of the record. What does not even begin as
// one is no metric stream's.
func (p *Parser) openMessage() bool {
	message, rest, ok := nextFrame(p.rest)
	if !ok {
		flaw := FlawProtobuf
		if !p.otlp.begun {
			flaw = FlawFormat
		}
		p.failed(flaw, p.rest)
		p.rest = nil
		return false
	}
	p.otlp.begun = true
	p.otlp.resources, p.rest = fields{rest: message}, rest
	return true
}

// openResource goes to the metrics of a resource, which may stand before it. It
// reports whether the resource could be read: without it nobody knows whose the
// metrics are.
func (p *Parser) openResource(message []byte) bool {
	o := &p.otlp
	o.account, o.region = nil, nil
	f := fields{rest: message}
	for f.nextMessage(resourceMetricsResource) {
		attributes := fields{rest: f.val}
		for attributes.nextMessage(resourceAttributes) {
			pair, ok := readPair(attributes.val)
			if !ok {
				return false
			}
			switch string(pair.key) {
			case "cloud.account.id":
				o.account = pair.text()
			case "cloud.region":
				o.region = pair.text()
			}
		}
		if attributes.bad {
			return false
		}
	}
	o.scopes = fields{rest: message} // Damage behind the resource shows there.
	return true
}

// openMetric goes to the data points of a metric, if that is a summary, or nothing
// at all.
func (p *Parser) openMetric(message []byte) Flaw {
	points, kind := fields{}, protowire.Number(metricSummary)
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(metricSummary, protowire.BytesType):
			points, kind = fields{rest: f.val}, f.num // Of several, the last one counts.
		case f.typ == protowire.BytesType && isOtherKind(f.num):
			points, kind = fields{}, f.num
		}
	}
	if f.bad {
		return FlawProtobuf
	}
	if kind != metricSummary {
		return FlawKind
	}
	p.otlp.points = points
	return ""
}

// readPoint reads a data point.
func (p *Parser) readPoint(message []byte) bool {
	d := &p.datum
	d.reset()
	d.Account, d.Region = p.otlp.account, p.otlp.region
	d.setStatistic(statSampleCount, 0) // A field that is 0 is not there.
	d.setStatistic(statSum, 0)
	f, ok := fields{rest: message}, true
	for ok && f.next() {
		switch {
		case f.is(pointLabels, protowire.BytesType):
			ok = p.readLabel(f.val)
		case f.is(pointAttributes, protowire.BytesType):
			ok = p.readAttribute(f.val)
		case f.is(pointTime, protowire.Fixed64Type):
			d.Millis = int64(f.bits / 1e6)
		case f.is(pointCount, protowire.Fixed64Type):
			d.setStatistic(statSampleCount, float64(f.bits))
		case f.is(pointSum, protowire.Fixed64Type):
			d.setStatistic(statSum, math.Float64frombits(f.bits))
		case f.is(pointQuantiles, protowire.BytesType):
			ok = p.readQuantile(f.val)
		}
		ok = ok && len(d.Dimensions) <= maxDimensions && len(d.Statistics) <= maxStatistics
	}
	if f.bad {
		return p.failed(FlawProtobuf, message)
	}
	if !ok || !d.finish() {
		return p.failed(FlawDatum, message)
	}
	return true
}

// readLabel reads a label of version 0.7.0: a dimension, or what all metrics have.
func (p *Parser) readLabel(message []byte) bool {
	var key, value []byte
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(pairKey, protowire.BytesType):
			key = f.val
		case f.is(pairValue, protowire.BytesType):
			value = f.val
		}
	}
	switch string(key) {
	case "Namespace":
		p.datum.Namespace = value
	case "MetricName":
		p.datum.Name = value
	default:
		p.datum.setDimension(key, value)
	}
	return !f.bad
}

// readAttribute reads an attribute of version 1.0.0.
func (p *Parser) readAttribute(message []byte) bool {
	pair, ok := readPair(message)
	switch string(pair.key) {
	case "Namespace":
		p.datum.Namespace = pair.text()
	case "MetricName":
		p.datum.Name = pair.text()
	case "Dimensions":
		ok = ok && p.readDimensionPairs(&pair)
	}
	return ok
}

func (p *Parser) readDimensionPairs(pair *pair) bool {
	if pair.kind != valuePairs {
		return false
	}
	f := fields{rest: pair.value}
	for f.nextMessage(pairsValues) {
		dimension, ok := readPair(f.val)
		if !ok || dimension.kind != valueString || len(p.datum.Dimensions) > maxDimensions {
			return false
		}
		p.datum.setDimension(dimension.key, dimension.value)
	}
	return !f.bad
}

// pair is a key and a value, of which only texts and lists of pairs are read.
type pair struct {
	key, value []byte
	kind       protowire.Number // The field of the value that is set.
}

// text returns the value, nothing if it is no text.
func (p *pair) text() []byte {
	if p.kind != valueString {
		return nil
	}
	return p.value
}

// readPair reads a pair; ok is false when it is damaged.
func readPair(message []byte) (out pair, ok bool) {
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(pairKey, protowire.BytesType):
			out.key = f.val
		case f.is(pairValue, protowire.BytesType):
			v := fields{rest: f.val}
			for v.next() {
				if v.num >= valueString && v.num <= valueLast {
					out.kind, out.value = v.num, v.val
				}
			}
			if v.bad {
				return out, false
			}
		}
	}
	return out, !f.bad
}

// readQuantile reads a value at a quantile. The least one is the minimum, the last
// one the maximum, and those in between are percentiles.
func (p *Parser) readQuantile(message []byte) bool {
	var quantile, value float64
	f := fields{rest: message}
	for f.next() {
		switch {
		case f.is(quantileQuantile, protowire.Fixed64Type):
			quantile = math.Float64frombits(f.bits)
		case f.is(quantileValue, protowire.Fixed64Type):
			value = math.Float64frombits(f.bits)
		}
	}
	switch {
	case f.bad:
		return false
	case quantile == 0:
		p.datum.setStatistic(statMinimum, value)
	case quantile == 1:
		p.datum.setStatistic(statMaximum, value)
	case quantile > 0 && quantile < 1:
		p.datum.setStatistic(p.percentile(quantile), value)
	default:
		return false
	}
	return true
}

// percentile returns the name of a quantile: p99.9 for 0.999. CloudWatch allows ten
// digits behind the point, and a float has the last ones of a product wrong.
func (p *Parser) percentile(quantile float64) []byte {
	begin := len(p.scratch)
	p.scratch = append(p.scratch, 'p')
	p.scratch = strconv.AppendFloat(p.scratch, quantile*100, 'f', 10, 64)
	name := bytes.TrimRight(p.scratch[begin:], "0")
	name = bytes.TrimSuffix(name, []byte("."))
	p.scratch = p.scratch[:begin+len(name)]
	return p.scratch[begin:len(p.scratch):len(p.scratch)]
}
