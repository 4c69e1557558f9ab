package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// otlpPath is the path that OpenTelemetry's exporter is given; it adds /v1/logs.
// https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs-using-otlp
const otlpPath = "/otlp"

// pushOTLP takes an export request, as Loki does when all attributes of resources
// are index labels.
func (s *sink) pushOTLP(w http.ResponseWriter, r *http.Request) {
	buffers := bodies.Get().(*[2][]byte)
	defer bodies.Put(buffers)
	var err error
	if encoding := r.Header.Get("Content-Encoding"); encoding != "snappy" {
		err = fmt.Errorf("content encoding %.64q is not snappy", encoding)
	}
	request := plogotlp.NewExportRequest()
	if err == nil {
		var message []byte
		if message, err = unpack(buffers, r.Body, r.ContentLength); err == nil {
			err = request.UnmarshalProto(message)
		}
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("cannot read export request: %v", err), http.StatusBadRequest)
		return
	}
	logs := request.Logs()
	t := totals{Requests: 1, Streams: logs.ResourceLogs().Len()}
	for e := range logsOf(logs, false) {
		t.Entries++
		t.Bytes += int64(len(e.Line))
	}
	s.add(t, logsOf(logs, true))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// logsOf returns an iterator over logs as entries, with labels or without.
func logsOf(logs plog.Logs, labelled bool) func(yield func(entry) bool) {
	return func(yield func(entry) bool) {
		for _, resource := range logs.ResourceLogs().All() {
			labels := ""
			if labelled {
				labels = resourceLabels(resource.Resource().Attributes())
			}
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if !yield(entry{labels, record.Timestamp().AsTime().UnixNano(), record.Body().Str()}) {
						return
					}
				}
			}
		}
	}
}

// resourceLabels returns attributes as labels in their order.
func resourceLabels(attributes pcommon.Map) string {
	var labels []string
	for name, value := range attributes.All() {
		labels = append(labels, fmt.Sprintf("%s=%q", name, value.AsString()))
	}
	slices.Sort(labels)
	return "{" + strings.Join(labels, ", ") + "}"
}
