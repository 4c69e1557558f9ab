// Package s3 holds the test of firehose redrive with a server that has S3's interface, and was written by others: gofakes3.
//
// It is a module of its own so that nobody who builds the distribution has that server in his modules.
package s3
