package clustertraffic

import (
	"math/rand/v2"
	"time"
)

// component is a program of the control plane that has a log of its own.
type component int

const (
	audit component = iota
	apiServer
	authenticator
	controllerManager
	scheduler
	cloudController
	components
)

// logTypes are the components' names in EKS's API; the last has none there.
var logTypes = [components]string{"audit", "api", "authenticator", "controllerManager", "scheduler", "cloudControllerManager"}

// streamPrefixes are what EKS begins the names of log streams with.
var streamPrefixes = [components]string{
	"kube-apiserver-audit-", "kube-apiserver-", "authenticator-", "kube-controller-manager-", "kube-scheduler-", "cloud-controller-manager-",
}

// shares are how many of a hundred events a component writes: audit events, which
// are ten times as long as the lines, make between 80 and 90 % of the bytes.
var shares = [components]int{40, 22, 14, 12, 6, 6}

// instances is how many instances of a control plane live at the same time.
const instances = 2

// instanceLen is the length of an instance's id, in hexadecimal digits.
const instanceLen = 32

// stream is the log stream of one component of one instance.
type stream struct {
	cluster   *cluster
	component component
	instance  string
	name      string
	// pid is the one that klog prints.
	pid string
	// last is the time of the last line, taken when CloudWatch's time of the
	// last one that was taken in.
	last, taken int64
	// started says that the component has written what it writes at its start.
	started bool
	// late says of a batch that its event times are when it was taken in.
	late bool
	// port is the last one from which the authenticator was called.
	port int
	// open are the requests whose last audit event is to come.
	open []request
}

// start replaces the instance of a control plane. It begins streams of its own.
func (c *cluster) start(rng *rand.Rand, n int) {
	id := randomHex(rng, instanceLen)
	for k := range components {
		c.logStreams[n][k] = &stream{
			cluster: c, component: k, instance: id, name: streamPrefixes[k] + id,
			pid: []string{"1", "10", "11", "12"}[rng.IntN(4)], port: firstPort + rng.IntN(ports),
		}
	}
}

const (
	// lifetime is the mean number of messages of a cluster after which an
	// instance is replaced.
	lifetime = 1000
	// followerLines is how many of a hundred messages come from the instance
	// that does not lead, of components of which one instance works.
	followerLines = 4
	// delay bounds how long a stream keeps its lines, in log time.
	delay = int64(2 * time.Second)
)

// turn is a component with the number that says how often it is chosen.
type turn struct {
	component component
	until     int
}

// batchOf returns the largest number of events that a component hands over.
func batchOf(k component, batch int) int {
	if k == audit {
		return batch
	}
	return max(1, batch/4)
}

// newTurns returns how often each component is chosen, so that its share of the
// events is that of shares.
func newTurns(batch int) []turn {
	const scale = 1000
	turns, until := make([]turn, 0, components), 0
	for k := range components {
		until += shares[k] * 2 * scale / (1 + batchOf(k, batch))
		turns = append(turns, turn{k, until})
	}
	return turns
}

// meanBatch returns the mean number of events in a message.
func meanBatch(batch int) float64 {
	events, messages := 0.0, 0.0
	for k := range components {
		events += float64(shares[k])
		messages += float64(shares[k]) * 2 / float64(1+batchOf(k, batch))
	}
	return events / messages
}

// startBatch chooses the stream that writes next, and moves the clock on.
func (g *Generator) startBatch() {
	c := pick(g, g.clusters)
	if g.oneIn(lifetime) {
		c.start(g.rng, g.rng.IntN(instances))
	}
	at := g.rng.IntN(g.turns[len(g.turns)-1].until)
	k := audit
	for at >= g.turns[k].until {
		k++
	}
	n := g.rng.IntN(instances)
	if k >= controllerManager {
		n = 0
		if g.rng.IntN(100) < followerLines {
			n = 1
		}
	}
	s := c.logStreams[n][k]
	g.stream, g.left = s, g.between(1, batchOf(k, g.opts.Batch))
	g.now += int64(g.left) * int64(g.opts.Interval)
	s.last = max(s.last, g.now-delay, g.opts.Start.UnixNano()/1000*1000)
	g.step = max(int64(time.Microsecond), (g.now-s.last)/int64(g.left))
	s.late = g.oneIn(lateOf)
}

// lateOf: of so many batches of klog lines one has the times at which they were
// taken in; the others have the lines' own, cut to the second.
const lateOf = 10

// tick returns the time of the stream's next line, in whole microseconds.
func (g *Generator) tick() int64 {
	s := g.stream
	room := max(int64(time.Microsecond), min(g.step, g.now-s.last))
	s.last += 1000 * (1 + g.rng.Int64N(room/1000))
	return s.last
}

// stamp returns CloudWatch's time for a line of the time. Lines that are taken in
// together share it.
func (g *Generator) stamp(nanos int64) (millis int64) {
	s := g.stream
	longest := int64(900 * time.Millisecond)
	switch s.component {
	case audit:
	case authenticator:
		longest = int64(6 * time.Second)
	default:
		if !s.late {
			return nanos / int64(time.Second) * 1000
		}
		longest = int64(3 * time.Second)
	}
	if s.taken < nanos+int64(time.Millisecond) {
		s.taken = nanos + int64(150*time.Millisecond) + g.rng.Int64N(longest)
	}
	return s.taken / int64(time.Millisecond)
}

// write makes the next line of the stream that writes, with those that belong
// to it.
func (g *Generator) write() {
	s := g.stream
	switch s.component {
	case audit:
		g.writeAudit()
	case authenticator:
		g.writeAuthenticator()
	default:
		if !s.started {
			s.started = true
			g.writeStart()
			return
		}
		writers[s.component].next(g)(g)
	}
}

// choice is one of several things with the weight that it has among them.
type choice[T any] struct {
	weight int
	value  T
}

// choices are things to choose from.
type choices[T any] struct {
	list  []choice[T]
	table []uint16 // The place in list, once for each unit of weight.
}

func newChoices[T any](list ...choice[T]) choices[T] {
	c := choices[T]{list: list}
	for i := range list {
		for range list[i].weight {
			c.table = append(c.table, uint16(i))
		}
	}
	return c
}

func (c *choices[T]) next(g *Generator) T { return c.list[c.table[g.rng.IntN(len(c.table))]].value }
