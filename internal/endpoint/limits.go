package endpoint

import (
	"time"

	"github.com/alecthomas/units"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/record"
)

// LimitsArguments bound what deliveries may cost. See firehose.Limits.
type LimitsArguments struct {
	BodySize             units.Base2Bytes `alloy:"body_size,attr,optional"`
	DecompressedBodySize units.Base2Bytes `alloy:"decompressed_body_size,attr,optional"`
	Records              int              `alloy:"records,attr,optional"`
	RecordSize           units.Base2Bytes `alloy:"record_size,attr,optional"`
	DeliverySize         units.Base2Bytes `alloy:"delivery_size,attr,optional"`
	ConcurrentSize       units.Base2Bytes `alloy:"concurrent_size,attr,optional"`
	BodyTimeout          time.Duration    `alloy:"body_timeout,attr,optional"`
	DeliveryTimeout      time.Duration    `alloy:"delivery_timeout,attr,optional"`
}

// DefaultLimits returns the limits of firehose.DefaultConfig.
func DefaultLimits() LimitsArguments {
	defaults := firehose.DefaultConfig()
	limits := defaults.Limits
	return LimitsArguments{
		BodySize:             units.Base2Bytes(limits.BodySize),
		DecompressedBodySize: units.Base2Bytes(limits.DecompressedBodySize),
		Records:              limits.Records,
		RecordSize:           units.Base2Bytes(limits.RecordSize),
		DeliverySize:         units.Base2Bytes(limits.DeliverySize),
		ConcurrentSize:       units.Base2Bytes(limits.ConcurrentSize),
		BodyTimeout:          defaults.BodyTimeout,
		DeliveryTimeout:      defaults.DeliveryTimeout,
	}
}

// Record returns the limits of what records decode to.
func (l *LimitsArguments) Record() record.Limits {
	return record.Limits{RecordSize: int(l.RecordSize), DeliverySize: int(l.DeliverySize)}
}

func (l *LimitsArguments) firehose() firehose.Limits {
	return firehose.Limits{
		BodySize:             int64(l.BodySize),
		DecompressedBodySize: int64(l.DecompressedBodySize),
		Records:              l.Records,
		RecordSize:           int64(l.RecordSize),
		DeliverySize:         int64(l.DeliverySize),
		ConcurrentSize:       int64(l.ConcurrentSize),
	}
}
