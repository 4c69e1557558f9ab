// Package lokipush pushes log entries to Loki and says what has become of them.
//
// A Batch groups the entries of a delivery by tenant and stream. An Endpoint cuts
// it into requests, makes them side by side, tries again what may yet succeed, and
// answers for the whole: either Loki has every entry, or the caller is told which
// ones it takes in no form, or there is an error and the caller keeps them all.
//
//	Batch     entries to streams, encoded as Loki's push request
//	book      streams whose refusal an answer of Loki could hide
//	planner   streams to requests
//	Endpoint  one request: tenant, headers, attempts, answer
//	run       all requests of a batch; what is refused is found, mended, pushed again
//
// Deliveries do not share requests. A request costs some 40 µs beside its entries,
// which is a twentieth of what a delivery of a thousand entries costs, and what
// small ones would save by sharing they would lose in answers that are about
// several of them. (BenchmarkPush)
package lokipush
