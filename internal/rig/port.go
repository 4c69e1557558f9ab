package rig

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// OccupiedPort returns a port of the loopback that somebody else listens on, until
// it is freed.
func OccupiedPort(t *testing.T) (port int, free func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free = sync.OnceFunc(func() { require.NoError(t, listener.Close()) })
	t.Cleanup(free)
	return listener.Addr().(*net.TCPAddr).Port, free
}
