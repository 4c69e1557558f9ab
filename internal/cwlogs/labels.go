package cwlogs

import (
	"bytes"

	"github.com/grafana/alloy/eks/internal/jsonscan"
)

// The internal labels of an event that came through CloudWatch Logs, named as
// loki.source.awsfirehose names them.
// https://grafana.com/docs/alloy/latest/reference/components/loki/loki.source.awsfirehose/
const (
	// LabelOwner is the account in which the event arose, the true one if it was
	// centralised from there.
	LabelOwner     = "__aws_owner"
	LabelLogGroup  = "__aws_cw_log_group"
	LabelLogStream = "__aws_cw_log_stream"
	LabelFilters   = "__aws_cw_matched_filters"
	LabelMessage   = "__aws_cw_msg_type"
	// LabelRegion is ours: the region in which the event arose.
	LabelRegion = "__aws_region"
)

// MessageData is the value of LabelMessage for events: no other message has any.
const MessageData = "DATA_MESSAGE"

// FilterNames returns the names of the subscription filters of an envelope, its
// Filters, with commas between them, as LabelFilters has them.
func FilterNames(filters jsonscan.Value) string {
	var out []byte
	for list := jsonscan.Array(filters, 0); list.Next(); {
		out = list.Value().AppendText(append(out, ','))
	}
	return string(bytes.TrimPrefix(out, []byte{','}))
}
