package receiver

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/service/livedebugging"

	"github.com/grafana/alloy/eks/internal/firehose"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// DebugInfo is what the component's page in Alloy's UI shows.
type DebugInfo struct {
	// Address is where the component listens; empty when it does not.
	Address string `alloy:"address,attr"`
	// LastDelivery is when a delivery was last answered 200.
	LastDelivery string `alloy:"last_delivery,attr,optional"`
	// LastRefusal says what the last delivery was refused with, and when.
	LastRefusal string `alloy:"last_refusal,attr,optional"`
	// Deliveries counts the answers by status, since the component started.
	Deliveries map[string]int `alloy:"deliveries,attr"`
	// TimestampSources counts entries by the source of their time.
	TimestampSources map[string]int `alloy:"timestamp_sources,attr"`
	// FlawedEntries counts entries that carry raw text.
	FlawedEntries int `alloy:"flawed_entries,attr"`
	// DroppedEntries counts what relabel rules dropped.
	DroppedEntries int `alloy:"dropped_entries,attr"`
}

// debug collects DebugInfo. It is safe for concurrent use.
type debug struct {
	mut  sync.Mutex
	info DebugInfo
}

func newDebug() *debug {
	return &debug{info: DebugInfo{Deliveries: map[string]int{}, TimestampSources: map[string]int{}}}
}

func (d *debug) listening(address string) {
	d.mut.Lock()
	defer d.mut.Unlock()
	d.info.Address = address
}

func (d *debug) finished(o firehose.Outcome) {
	now := time.Now().UTC().Format(time.RFC3339)
	d.mut.Lock()
	defer d.mut.Unlock()
	d.info.Deliveries[fmt.Sprint(o.Status)]++
	if o.Status == 200 {
		d.info.LastDelivery = now
		return
	}
	d.info.LastRefusal = fmt.Sprintf("%s: %d, %s", now, o.Status, o.Reason)
}

func (d *debug) handedOver(c lokientry.Counts) {
	d.mut.Lock()
	defer d.mut.Unlock()
	for s := timestamp.CRI; s <= timestamp.Now; s++ {
		if c.Sources[s] > 0 {
			d.info.TimestampSources[s.String()] += c.Sources[s]
		}
	}
	for _, n := range c.Flaws {
		d.info.FlawedEntries += n
	}
	d.info.DroppedEntries += c.Dropped
}

// DebugInfo returns a copy of what is known now.
func (r *Receiver) DebugInfo() DebugInfo {
	d := r.debug
	d.mut.Lock()
	defer d.mut.Unlock()
	info := d.info
	info.Deliveries, info.TimestampSources = map[string]int{}, map[string]int{}
	for k, v := range d.info.Deliveries {
		info.Deliveries[k] = v
	}
	for k, v := range d.info.TimestampSources {
		info.TimestampSources[k] = v
	}
	return info
}

// live shows entries to those who watch the component in Alloy's UI.
type live struct {
	id        livedebugging.ComponentID
	publisher livedebugging.DebugDataPublisher // Nil in unit tests.
}

func newLive(opts component.Options) *live {
	l := &live{id: livedebugging.ComponentID(opts.ID)}
	if opts.GetServiceData == nil {
		return l
	}
	if data, err := opts.GetServiceData(livedebugging.ServiceName); err == nil {
		l.publisher, _ = data.(livedebugging.DebugDataPublisher)
	}
	return l
}

// maxShown is how many entries of a delivery are shown: more than anyone reads,
// and few enough that watching does not slow the component down.
const maxShown = 100

// publish shows the entries of a delivery. The text is built only if somebody
// watches.
func (l *live) publish(entries []loki.Entry) {
	if l.publisher == nil || len(entries) == 0 {
		return
	}
	l.publisher.PublishIfActive(livedebugging.NewData(l.id, livedebugging.LokiLog, uint64(len(entries)), func() string {
		var sb strings.Builder
		for i, e := range entries {
			if i == maxShown {
				fmt.Fprintf(&sb, "and %d more\n", len(entries)-maxShown)
				break
			}
			fmt.Fprintf(&sb, "%s %s", e.Timestamp.UTC().Format(time.RFC3339Nano), e.Labels)
			for _, md := range e.StructuredMetadata {
				fmt.Fprintf(&sb, " %s=%q", md.Name, md.Value)
			}
			fmt.Fprintf(&sb, " %s\n", e.Line)
		}
		return sb.String()
	}))
}
