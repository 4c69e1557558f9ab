package receiver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/event"
	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/record"
)

func TestDescribe(t *testing.T) {
	p := newPipeline(Config{Streams: newStreams(t, lokientry.Options{})})
	f := func(d firehose.Delivery, labels, static []event.Label) {
		t.Helper()
		d.RequestID, d.Tenant, d.Timestamp = "id", "team-a", 42
		got := p.describe(&d)
		require.Equal(t, "id", got.RequestID)
		require.Equal(t, "team-a", got.Tenant)
		require.EqualValues(t, 42, got.Nanos)
		require.Equal(t, labels, got.Labels)
		require.Equal(t, static, got.Static)
	}
	const arn = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/logs"
	// By hand, nothing is said.
	f(firehose.Delivery{}, nil, nil)
	// By Firehose, where it comes from.
	f(firehose.Delivery{Source: firehose.ParseSourceARN(arn)}, []event.Label{
		{Name: "__aws_firehose_source_arn", Value: arn},
		{Name: "__aws_account_id", Value: "111122223333"},
		{Name: "__aws_region", Value: "eu-west-1"},
	}, nil)
	// What is no ARN is kept as it is.
	f(firehose.Delivery{Source: firehose.ParseSourceARN("somewhere")}, []event.Label{
		{Name: "__aws_firehose_source_arn", Value: "somewhere"},
	}, nil)
	// All attributes are internal labels, and those that ask for it labels.
	f(firehose.Delivery{Attributes: []firehose.Attribute{
		{Name: "cost-center", Value: "42"}, {Name: "empty"}, {Name: "lbl_9lives", Value: "cat"}, {Name: "lbl_env", Value: "prod"},
	}}, []event.Label{
		{Name: "__aws_firehose_attribute_cost_center", Value: "42"},
		{Name: "__aws_firehose_attribute_lbl_9lives", Value: "cat"},
		{Name: "__aws_firehose_attribute_lbl_env", Value: "prod"},
	}, []event.Label{
		{Name: "_lives", Value: "cat"}, {Name: "env", Value: "prod"},
	})
}

func TestStaticName_Success(t *testing.T) {
	f := func(attribute, want string) {
		t.Helper()
		got, ok := staticName(attribute)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	f("lbl_env", "env")
	f("lbl_cost-center", "cost_center")
	f("lbl_9lives", "_lives")
	f("lbl_straße", "stra__e")
	f("lbl_lbl_x", "lbl_x")
}

func TestStaticName_Failure(t *testing.T) {
	f := func(attribute string) {
		t.Helper()
		_, ok := staticName(attribute)
		require.False(t, ok, attribute)
	}
	f("env")
	f("LBL_env")
	f("lbl_")
	f("")
	// Internal labels, also by what becomes an underscore.
	f("lbl___tenant_id__")
	f("lbl_--tenant_id__")
	f("lbl_9-x")
}

// Short lines cost more than their bytes, and long ones no more than those.
func TestToll(t *testing.T) {
	f := func(limit, size, events int, refused bool, reserved int64) {
		t.Helper()
		var paid toll
		err := paid.pay(&firehose.Delivery{}, record.Limits{DeliverySize: limit}, size, events)
		require.Equal(t, refused, err != nil)
		if refused {
			var refusal *firehose.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, 400, refusal.Status)
			require.Equal(t, firehose.ReasonDeliverySize, refusal.Reason)
		}
		require.Equal(t, reserved, paid.reserved)
	}
	f(1<<20, 1<<20, 1, false, 0)
	f(1<<20, 100, freeEntries, false, 0)
	f(1<<20, 100, freeEntries+1, false, entrySize-100)
	f(1<<20, 1_000_000, freeEntries+1_000, false, 0)
	f(1<<20, 10_000, freeEntries+1<<20/entrySize, false, 1<<20-10_000)
	f(1<<20, 10_000, freeEntries+1<<20/entrySize+1, true, 0)

	var paid toll
	for range 4 {
		require.NoError(t, paid.pay(&firehose.Delivery{}, record.Limits{DeliverySize: 1 << 20}, 2_000, 1_000))
	}
	require.EqualValues(t, 3_000*entrySize-8_000, paid.reserved)
	require.Error(t, paid.pay(&firehose.Delivery{}, record.Limits{DeliverySize: 1 << 20}, 2_000, 2_000))
}
