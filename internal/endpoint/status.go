package endpoint

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/grafana/alloy/eks/internal/firehose"
)

// Status is what the component's page in Alloy's UI shows of its endpoint. A
// component squashes it into its debug information.
type Status struct {
	// Address is where the component listens; empty when it does not.
	Address string `alloy:"address,attr"`
	// LastDelivery is when a delivery was last answered 200.
	LastDelivery string `alloy:"last_delivery,attr,optional"`
	// LastRefusal says what the last delivery was refused with, and when.
	LastRefusal string `alloy:"last_refusal,attr,optional"`
	// Deliveries counts the answers by status, since the component started.
	Deliveries map[string]int `alloy:"deliveries,attr"`
}

// status collects a Status. It is safe for concurrent use.
type status struct {
	mut  sync.Mutex
	info Status
}

func newStatus() *status { return &status{info: Status{Deliveries: map[string]int{}}} }

func (s *status) listening(address string) {
	s.mut.Lock()
	defer s.mut.Unlock()
	s.info.Address = address
}

func (s *status) finished(o firehose.Outcome) {
	now := time.Now().UTC().Format(time.RFC3339)
	s.mut.Lock()
	defer s.mut.Unlock()
	s.info.Deliveries[fmt.Sprint(o.Status)]++
	if o.Status == 200 {
		s.info.LastDelivery = now
		return
	}
	s.info.LastRefusal = fmt.Sprintf("%s: %d, %s", now, o.Status, o.Reason)
}

// Status returns a copy of what is known now.
func (e *Endpoint) Status() Status {
	e.status.mut.Lock()
	defer e.status.mut.Unlock()
	info := e.status.info
	info.Deliveries = maps.Clone(info.Deliveries)
	return info
}
