package writesync

import (
	"fmt"
	"strings"
	"time"

	"github.com/grafana/alloy/internal/component"
)

// DebugInfo is what the component's page in Alloy's UI shows.
type DebugInfo struct {
	Endpoints []EndpointInfo `alloy:"endpoint,block,optional"`
}

// EndpointInfo is what it shows of an endpoint.
type EndpointInfo struct {
	// Name is the endpoint's, or its place.
	Name string `alloy:"name,attr"`
	// Host is that of its URL.
	Host string `alloy:"host,attr"`
	// LastAccepted is when it has last accepted entries.
	LastAccepted string `alloy:"last_accepted,attr,optional"`
	// Failing says why it does not accept entries now.
	Failing string `alloy:"failing,attr,optional"`
}

// DebugInfo implements component.DebugComponent.
func (c *Component) DebugInfo() any {
	w, done := c.use()
	defer done()
	var info DebugInfo
	for i, e := range w.endpoints {
		s := e.State()
		of := EndpointInfo{Name: e.Name(), Host: w.hosts[i]}
		if !s.LastAccepted.IsZero() {
			of.LastAccepted = s.LastAccepted.UTC().Format(time.RFC3339)
		}
		if s.Failing != nil {
			of.Failing = s.Failing.Error()
		}
		info.Endpoints = append(info.Endpoints, of)
	}
	return info
}

// CurrentHealth implements component.HealthComponent: it is unhealthy while an
// endpoint does not accept entries.
func (c *Component) CurrentHealth() component.Health {
	w, done := c.use()
	defer done()
	health := component.Health{Health: component.HealthTypeHealthy, Message: "endpoints accept entries"}
	var failing []string
	for _, e := range w.endpoints {
		s := e.State()
		if s.Since.After(health.UpdateTime) {
			health.UpdateTime = s.Since
		}
		if s.Failing != nil {
			failing = append(failing, fmt.Sprintf("%s, since %s", s.Failing, s.Since.UTC().Format(time.RFC3339)))
		}
	}
	if len(failing) > 0 {
		health.Health, health.Message = component.HealthTypeUnhealthy, strings.Join(failing, "; ")
	}
	return health
}
