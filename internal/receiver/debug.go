package receiver

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/component/common/loki"
	"github.com/grafana/alloy/internal/service/livedebugging"

	"github.com/grafana/alloy/eks/internal/endpoint"
	"github.com/grafana/alloy/eks/internal/lokientry"
	"github.com/grafana/alloy/eks/internal/timestamp"
)

// DebugInfo is what the component's page in Alloy's UI shows.
type DebugInfo struct {
	Endpoint endpoint.Status `alloy:",squash"`
	// TimestampSources counts entries by the source of their time.
	TimestampSources map[string]int `alloy:"timestamp_sources,attr"`
	// FlawedEntries counts entries that carry raw text.
	FlawedEntries int `alloy:"flawed_entries,attr"`
	// DroppedEntries counts what relabel rules dropped.
	DroppedEntries int `alloy:"dropped_entries,attr"`
}

// debug collects what DebugInfo says of entries. It is safe for concurrent use.
type debug struct {
	mut  sync.Mutex
	info DebugInfo
}

func newDebug() *debug {
	return &debug{info: DebugInfo{TimestampSources: map[string]int{}}}
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
	info.Endpoint = r.endpoint.Status()
	info.TimestampSources = maps.Clone(info.TimestampSources)
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
