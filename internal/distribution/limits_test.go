package distribution

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMutexFraction_Success(t *testing.T) {
	f := func(percent string, want int) {
		t.Helper()
		got, err := mutexFraction(percent)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f("", 1000)
	f("1", 100)
	f("3", 33)
	f("50", 2)
	f("100", 1)
}

func TestMutexFraction_Failure(t *testing.T) {
	f := func(percent string) {
		t.Helper()
		got, err := mutexFraction(percent)
		require.ErrorContains(t, err, mutexProfileEnv)
		require.Less(t, len(err.Error()), 200)
		require.Equal(t, 1000, got)
	}
	f("0")
	f("-1")
	f("101")
	f("half")
	f("0.5")
	f(strings.Repeat("9", 1000))
}

func TestBlockRate_Success(t *testing.T) {
	f := func(nanoseconds string, want int) {
		t.Helper()
		got, err := blockRate(nanoseconds)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f("", 10_000)
	f("1", 1)
	f("1000000", 1_000_000)
}

func TestBlockRate_Failure(t *testing.T) {
	f := func(nanoseconds string) {
		t.Helper()
		got, err := blockRate(nanoseconds)
		require.ErrorContains(t, err, blockProfileEnv)
		require.Equal(t, 10_000, got)
	}
	f("0")
	f("-5")
	f("10us")
}
