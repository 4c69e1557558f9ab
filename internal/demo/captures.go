package main

import "time"

// bundled is a capture in testdata/fluentbit: records as Fluent Bit handed them to
// Firehose. testdata/fluentbit/input.tar.gz has the log files that Fluent Bit read.
type bundled struct {
	name string
	logs string // The folders of the log files.
	// timed is how many lines must arrive with the time at which they were written,
	// to the nanosecond. It is what the records hold.
	timed int
	about string
}

// captures are all bundled ones.
var captures = []bundled{
	{"fargate-default", "cri cri-long", 287, "EKS Fargate, as AWS documents it"},
	{"fargate-no-filter", "cri", 277, "Fargate without the kubernetes filter"},
	{"fargate-crio-parser", "cri", 1, "AWS's example parser drops the time"},
	{"cri-parser", "cri cri-long", 286, "DaemonSet of the Helm chart"},
	{"merge-log-key", "cri", 281, "JSON lines parsed into a key"},
	{"time-key", "cri", 280, "JSON lines parsed, line dropped"},
	{"docker-json", "docker", 275, "Docker's json-file"},
	{"log-key", "cri cri-long", 1, "only the text of lines, no time"},
	{"simple-aggregation", "cri", 279, "many lines per record"},
	{"compression-gzip", "cri", 279, "each record gzip'd"},
	{"compression-zstd", "cri", 279, "each record zstd"},
	{"cloudwatch", "cri cri-long", 286, "through CloudWatch Logs"},
	{"v1.9.10/cri-parser", "cri cri-long", 285, "Fluent Bit 1.9"},
	{"v1.9.10/fargate-default", "cri cri-long", 287, "Fluent Bit 1.9"},
}

// captureLabel is the label with the name of the capture, by which the demo tells
// entries apart. Each delivery asks for it with the common attribute lbl_capture.
const captureLabel = "capture"

// The lines of the captures were written between these times.
var (
	oldest = time.Date(2026, time.August, 20, 9, 58, 0, 0, time.UTC)
	newest = time.Date(2026, time.August, 20, 10, 3, 0, 0, time.UTC)
)

// telling are the entries that are shown in full: the part of its text that finds
// one, and why it is worth a look.
var telling = []struct{ capture, text, about string }{
	{"fargate-default", "order 77098828 placed", "A line as EKS Fargate sends it: the container runtime's prefix is gone, and its time is the entry's"},
	{"fargate-default", "09:58:53.927 ERROR", "The level comes from the text"},
	{"fargate-default", "text40k", "The runtime cut this line at 16 KiB into three records, and a line of stderr came between them"},
	{"cri-parser", "ch_39a8b3", "A JSON line that Fluent Bit has parsed as well: what the application wrote is kept, to the byte"},
	{"time-key", "ch_e89c59", "Keep_Log Off: the line is gone from the record, and is put together from its keys"},
	{"docker-json", "200 46664", "Docker's json-file: the time is a key, the line feed is Docker's"},
	{"compression-zstd", "38785 - 57109", "The record is compressed with zstd, which nothing but its first bytes says"},
	{"cloudwatch", "pod is gone 0", "Through CloudWatch Logs, and without metadata: the log stream's name says which pod it was"},
	{"fargate-crio-parser", "order 77098828 placed", "The parser filter has dropped the time: the line's own has no zone, and so the delivery's has to do"},
	{"log-key", "epoch millis timestamp", "Nothing but the text: its own time, which is an epoch, is taken, and nothing says which pod it was"},
}
