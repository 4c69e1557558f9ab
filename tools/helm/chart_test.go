package helm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	root      = "../.."
	valuesDir = root + "/operations/helm"
	// namespace is where releases go, as in the comments of the values.
	namespace = "logging"
	// newest is a Kubernetes version that EKS has.
	newest = "1.34.1"
)

// release is what the chart makes of values, by the kinds that are expected of it.
type release struct {
	objects    []runtime.Object
	deployment *appsv1.Deployment
	service    *corev1.Service
	config     *corev1.ConfigMap
	ingresses  []*networkingv1.Ingress
	autoscaler *autoscalingv2.HorizontalPodAutoscaler
	disruption *policyv1.PodDisruptionBudget
	network    *networkingv1.NetworkPolicy
	monitor    *monitoringv1.ServiceMonitor
}

// kinds lists the kinds of the objects, sorted.
func (r *release) kinds() []string {
	var kinds []string
	for _, object := range r.objects {
		kinds = append(kinds, object.GetObjectKind().GroupVersionKind().Kind)
	}
	slices.Sort(kinds)
	return kinds
}

// container is Alloy's.
func (r *release) container(t *testing.T) corev1.Container {
	t.Helper()
	for _, container := range r.deployment.Spec.Template.Spec.Containers {
		if container.Name == "alloy" {
			return container
		}
	}
	require.Fail(t, "there is no container named alloy")
	return corev1.Container{}
}

// text is Alloy's configuration.
func (r *release) text(t *testing.T) string {
	t.Helper()
	require.Contains(t, r.config.Data, "config.alloy")
	return r.config.Data["config.alloy"]
}

// install renders the chart with values, as `helm install name` does on a cluster of that Kubernetes version, and decodes all that comes out.
func install(t *testing.T, name, kubernetes string, values chartutil.Values) *release {
	t.Helper()
	alloy := loadChart(t)
	require.NoError(t, chartutil.ProcessDependencies(alloy, values))
	version, err := chartutil.ParseKubeVersion(kubernetes)
	require.NoError(t, err)
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	options := chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(alloy, values, options, capabilities)
	require.NoError(t, err)
	files, err := engine.Render(alloy, all)
	require.NoError(t, err)

	r := new(release)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) == ".yaml" {
			r.add(t, name, files[name])
		}
	}
	return r
}

// decoder takes no field that a type does not have, and none twice.
var decoder = func() runtime.Decoder {
	if err := monitoringv1.AddToScheme(scheme.Scheme); err != nil {
		panic("BUG: " + err.Error())
	}
	return serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
}()

func (r *release) add(t *testing.T, file, text string) {
	t.Helper()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, file)
		if len(bytes.TrimSpace(document)) == 0 || string(bytes.TrimSpace(document)) == "---" {
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		require.NoError(t, err, "%s:\n%s", file, document)
		r.objects = append(r.objects, object)
		r.remember(object)
	}
}

func (r *release) remember(object runtime.Object) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		r.deployment = o
	case *corev1.Service:
		r.service = o
	case *corev1.ConfigMap:
		r.config = o
	case *networkingv1.Ingress:
		r.ingresses = append(r.ingresses, o)
	case *autoscalingv2.HorizontalPodAutoscaler:
		r.autoscaler = o
	case *policyv1.PodDisruptionBudget:
		r.disruption = o
	case *networkingv1.NetworkPolicy:
		r.network = o
	case *monitoringv1.ServiceMonitor:
		r.monitor = o
	}
}

func readValues(t *testing.T, path string) chartutil.Values {
	t.Helper()
	values, err := chartutil.ReadValuesFile(path)
	require.NoError(t, err)
	return values
}

// loadChart reads the chart in the sources of the Alloy that the main module requires.
func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/grafana/alloy")
	list.Dir, list.Stderr = root, os.Stderr
	dir, err := list.Output()
	require.NoError(t, err)
	alloy, err := loader.LoadDir(filepath.Join(strings.TrimSpace(string(dir)), "operations", "helm", "charts", "alloy"))
	require.NoError(t, err)
	return alloy
}
