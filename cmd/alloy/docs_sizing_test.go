package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/units"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/grafana/alloy/eks/internal/docpage"
	"github.com/grafana/alloy/eks/internal/firehose"
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

// The pods of the Helm values have as much memory as the page says, and as it says
// that their components may need.
func TestDocs_SizingOfHelmValues(t *testing.T) {
	p := docpage.ReadFile(t, filepath.Join(root, "docs", "sizing.md"))
	said := regexp.MustCompile(`quick start give a pod ([\d.]+ GiB), those for production, which\s+have two components in a pod, ([\d.]+ GiB)`).FindStringSubmatch(p.Text)
	require.NotNil(t, said)
	f := func(name, said string, components int) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, "operations", "helm", name))
		require.NoError(t, err)
		var values struct {
			Alloy struct {
				ConfigMap struct{ Content string } `yaml:"configMap"`
				Resources struct{ Limits struct{ Memory string } }
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &values))
		limit, err := units.ParseBase2Bytes(values.Alloy.Resources.Limits.Memory + "B")
		require.NoError(t, err)
		page, err := units.ParseBase2Bytes(strings.ReplaceAll(said, " ", ""))
		require.NoError(t, err)
		require.Equal(t, page, limit, name)

		config := values.Alloy.ConfigMap.Content
		require.Equal(t, components, strings.Count(config, `awsfirehose.kubernetes "`)+strings.Count(config, `cloudwatch.eks_controlplane "`), name)
		require.NotContains(t, config, "concurrent_size")
		need := int64(150*units.MiB) + int64(components)*3*firehose.DefaultLimits().ConcurrentSize
		require.GreaterOrEqual(t, int64(limit), need, name)
	}
	f("values-quickstart.yaml", said[1], 1)
	f("values-production.yaml", said[2], 2)
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
