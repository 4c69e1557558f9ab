// Package endtoend tests the distribution as it is used: the programs alloy and
// Loki as processes, deliveries over HTTP as Firehose makes them, and what Loki
// then answers to queries. It has nothing but tests.
//
// The programs are built with make before the first test. To test others, for
// instance ones with the race detector, name their folder:
//
//	ENDTOEND_PROGRAMS=/tmp/raced go test ./internal/endtoend
package endtoend
