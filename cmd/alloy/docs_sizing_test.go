package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/docpage"
)

// The figures on the page about sizing are what its formulas give.
func TestDocs_Sizing(t *testing.T) {
	p := docpage.ReadFile(t, filepath.Join(root, "docs", "sizing.md"))
	replicas := p.Rows["How many replicas"]
	require.NotEmpty(t, replicas)
	for _, row := range replicas {
		const peak, secondsPerRecord, target, recordSize = 4, 8e-6, 0.7, 1200
		perSecond := float64(decimalBytes(t, row[0])) / 86400 / recordSize
		cores := perSecond * peak * secondsPerRecord / target
		require.InEpsilon(t, perSecond, number(t, row[1]), 0.02, row)
		require.InEpsilon(t, perSecond*peak, number(t, row[2]), 0.02, row)
		require.InEpsilon(t, cores, number(t, row[3]), 0.2, row)
		require.Equal(t, max(3, math.Ceil(cores)), number(t, row[4]), row)
	}

	memory := p.Rows["Memory"]
	require.NotEmpty(t, memory)
	for _, row := range memory {
		limit, err := units.ParseBase2Bytes(strings.ReplaceAll(row[0], " ", ""))
		require.NoError(t, err)
		size := strings.Split(row[1], "`")[1]
		bound, err := units.ParseBase2Bytes(strings.Trim(size, `"`))
		require.NoError(t, err)
		require.LessOrEqual(t, 150*units.MiB+3*bound, limit, row)

		config := fmt.Sprintf("awsfirehose.kubernetes \"a\" {\n\tforward_to = []\n\n\tlimits {\n\t\tconcurrent_size = %s\n\t}\n}\n", size)
		require.NoError(t, evaluate(config), row)
	}
}

func number(t *testing.T, cell string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
	require.NoError(t, err)
	return n
}

func decimalBytes(t *testing.T, cell string) units.MetricBytes {
	t.Helper()
	n, err := units.ParseMetricBytes(strings.ReplaceAll(cell, " ", ""))
	require.NoError(t, err)
	return n
}
