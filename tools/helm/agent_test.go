package helm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chartutil"
)

// agentValues are values written for Grafana Agent, with nothing changed but the image and the name of the component.
func agentValues(t *testing.T) chartutil.Values {
	t.Helper()
	values := readValues(t, "testdata/agent-values.yaml")
	values["image"] = map[string]any{"registry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "repository": "alloy-eks", "tag": "v1.15.1-eks.1"}
	config := values["agent"].(map[string]any)["configMap"].(map[string]any)
	config["content"] = strings.Replace(config["content"].(string), "loki.source.awsfirehose", "awsfirehose.kubernetes", 1)
	return values
}

// The chart still takes `agent` for `alloy`, and our component takes the place of upstream's.
func TestAgentValues_Deliver(t *testing.T) {
	r := install(t, "grafana-agent", newest, agentValues(t))
	requireCreatable(t, r)
	require.Equal(t, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/alloy-eks:v1.15.1-eks.1", r.container(t).Image)
	backend := r.ingresses[0].Spec.Rules[0].HTTP.Paths[0].Backend.Service
	port := servicePort(t, r.service, backend.Port)
	require.Equal(t, int32(12347), port.Port)
	require.Equal(t, "faro", port.Name)

	loki := startLoki(t)
	p := run(t, r, nil, loki)
	require.True(t, p.deliver(t, "12347"))
	loki.await(t, `cluster="orchard"`, `stage="trial"`, `namespace=`, `container=`, `app=`)
	_, tenants := loki.callers()
	require.Equal(t, []string{"orchard"}, tenants)
}

// The condition of the load balancer is found by the name of the service, which was grafana-agent. With the chart of Alloy it gets another name, and everybody
// would be let in: what must be changed as well is that.
func TestAgentValues_NameOfTheService(t *testing.T) {
	r := install(t, "grafana-agent", newest, agentValues(t))
	require.Equal(t, "grafana-agent-alloy", r.service.Name)

	values := agentValues(t)
	values["fullnameOverride"] = "grafana-agent"
	r = install(t, "grafana-agent", newest, values)
	require.Equal(t, "grafana-agent", r.service.Name)
	require.Equal(t, "grafana-agent", r.ingresses[0].Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name)
	require.Contains(t, r.ingresses[0].Annotations, "alb.ingress.kubernetes.io/conditions."+r.service.Name)
}
