package lokipush

import (
	"sync"
	"time"
)

// State is what an endpoint has last answered.
type State struct {
	// LastAccepted is when a push was last accepted, zero when none was.
	LastAccepted time.Time
	// Failing is why the last push that has ended was not accepted, nil when it
	// was. A push that is tried again has not ended.
	Failing error
	// Since is when Failing became what it is.
	Since time.Time
}

// state keeps a State. It is safe for concurrent use.
type state struct {
	mut sync.Mutex
	State
}

func (s *state) accepted() {
	now := time.Now()
	s.mut.Lock()
	defer s.mut.Unlock()
	s.LastAccepted = now
	if s.Failing != nil {
		s.Failing, s.Since = nil, now
	}
}

func (s *state) failed(err error) {
	s.mut.Lock()
	defer s.mut.Unlock()
	if s.Failing == nil {
		s.Since = time.Now()
	}
	s.Failing = err
}

// State returns what the endpoint has last answered.
func (e *Endpoint) State() State {
	e.state.mut.Lock()
	defer e.state.mut.Unlock()
	return e.state.State
}

// Name returns the name of the endpoint.
func (e *Endpoint) Name() string { return e.cfg.Name }
