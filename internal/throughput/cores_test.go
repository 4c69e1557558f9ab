package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCores(t *testing.T) {
	command := []string{"program", "-c", "3"}
	require.Equal(t, command, cores(nil).pin(command))
	require.Empty(t, cores(nil).env())
	require.NoError(t, cores(nil).occupy())
	two := cores{3, 5}
	require.Equal(t, []string{"taskset", "-c", "3,5", "program", "-c", "3"}, two.pin(command))
	require.Equal(t, []string{"GOMAXPROCS=2"}, two.env())
	require.Error(t, cores{4000}.occupy())
}

func TestDivide(t *testing.T) {
	receiver, others, err := divide(1)
	require.NoError(t, err)
	require.LessOrEqual(t, len(receiver), 1)
	require.NotContains(t, others, receiver)
	// Nothing is left for the others.
	receiver, others, err = divide(1 << 20)
	require.NoError(t, err)
	require.Empty(t, receiver)
	require.Empty(t, others)
}
