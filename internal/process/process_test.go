package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// shell runs a script until the test ends.
func shell(ctx context.Context, t *testing.T, script string) (*Process, *Output) {
	t.Helper()
	log := new(Output)
	p, err := Start("the script", Command(ctx, []string{"WORD=hello"}, "/bin/sh", "-c", script), log)
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p, log
}

// prints returns what Await waits for.
func prints(log *Output, text string) func() error {
	return func() error {
		if !strings.Contains(log.String(), text) {
			return ErrNotReady
		}
		return nil
	}
}

func TestProcess_Stop(t *testing.T) {
	p, log := shell(t.Context(), t, `trap "echo bye; exit 0" TERM; echo $WORD; while :; do sleep 0.01; done`)
	require.NoError(t, p.Await(t.Context(), prints(log, "hello")))
	require.True(t, p.Running())
	require.NoError(t, p.Stop())
	require.False(t, p.Running())
	require.Equal(t, "hello\nbye\n", log.String())
	require.ErrorContains(t, p.Stop(), "the script has ended, exit status 0:\nhello\nbye")
	p.End()
}

func TestProcess_Kill(t *testing.T) {
	p, log := shell(t.Context(), t, `trap "" TERM; echo $WORD; while :; do sleep 0.01; done`)
	require.NoError(t, p.Await(t.Context(), prints(log, "hello")))
	require.NoError(t, p.Signal(syscall.SIGTERM))
	require.True(t, p.Running())
	p.Kill()
	require.False(t, p.Running())
}

// A process whose context ends is asked to end, like whoever waits for it.
func TestProcess_Context(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p, log := shell(ctx, t, `trap "echo bye; exit 0" TERM; echo $WORD; while :; do sleep 0.01; done`)
	require.NoError(t, p.Await(ctx, prints(log, "hello")))
	because := errors.New("because")
	cancel(because)
	require.ErrorIs(t, p.Await(ctx, func() error { return ErrNotReady }), because)
	require.ErrorContains(t, p.Await(t.Context(), func() error { return ErrNotReady }), "has ended")
	require.Contains(t, log.String(), "bye")
}

func TestAwait_Ended(t *testing.T) {
	p, _ := shell(t.Context(), t, `echo this is why; exit 3`)
	err := p.Await(t.Context(), func() error { return ErrNotReady })
	require.ErrorContains(t, err, "the script has ended, exit status 3:\nthis is why\n")
}

func TestStart_Failure(t *testing.T) {
	_, err := Start("nothing", exec.Command(filepath.Join(t.TempDir(), "none")), new(Output))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "cannot start nothing")
}

func TestReady(t *testing.T) {
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	ready := Ready(t.Context(), server.URL)
	require.ErrorIs(t, ready(), ErrNotReady)
	status = http.StatusOK
	require.NoError(t, ready())
	server.Close()
	require.Error(t, ready())
}

func TestFreeAddresses(t *testing.T) {
	addresses, err := FreeAddresses(3)
	require.NoError(t, err)
	require.Len(t, addresses, 3)
	require.NotEqual(t, addresses[0], addresses[1])
	require.NotEqual(t, addresses[1], addresses[2])
}

// A process that finds its address taken gets another one, and nothing else that
// fails is tried again.
func TestOnFreeAddresses(t *testing.T) {
	f := func(tries int, script, want string) {
		t.Helper()
		try := 0
		err := OnFreeAddresses(2, func(addresses []string) error {
			require.Len(t, addresses, 2)
			try++
			p, log := shell(t.Context(), t, fmt.Sprintf("try=%d; %s", try, script))
			return p.Await(t.Context(), prints(log, "listening"))
		})
		require.Equal(t, tries, try)
		if want == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorContains(t, err, want)
	}
	const listen = "echo listening; exec sleep 60"
	f(1, listen, "")
	f(3, `[ $try -gt 2 ] || { echo "bind: address already in use"; exit 1; }; `+listen, "")
	f(5, `echo "bind: address already in use"; exit 1`, "the script has ended, exit status 1:\nbind")
	f(1, `echo "no such file"; exit 1`, "the script has ended, exit status 1:\nno such file")
}

func TestOutput_Tail(t *testing.T) {
	var o Output
	for i := range 1000 {
		fmt.Fprintf(&o, "line %d\n", i)
	}
	require.True(t, strings.HasPrefix(o.Tail(), "line 901\n"), o.Tail()[:20])
	require.True(t, strings.HasSuffix(o.Tail(), "line 999\n"))
}
