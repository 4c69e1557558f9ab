package helm

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	quickstart = valuesDir + "/values-quickstart.yaml"
	production = valuesDir + "/values-production.yaml"
)

// all lists the files of values that this repository hands out.
func all(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(valuesDir + "/values*.yaml")
	require.NoError(t, err)
	require.Subset(t, paths, []string{quickstart, production})
	return paths
}

// Helm ignores a key that a chart does not know. So a misspelt one, or one that another version of the chart has renamed, would go unnoticed.
func TestValues_KeysAreTheCharts(t *testing.T) {
	// The chart reads the first, but its defaults have it in a comment only; and it copies all that is in the map of the second.
	known := []string{"ingress.ingressClassName", "configReloader.resources.limits"}
	for _, path := range all(t) {
		require.Subset(t, known, unknownKeys(readValues(t, path), loadChart(t).Values, ""), path)
	}
}

// unknownKeys lists the paths of the keys in ours that chart lacks. A map that is empty in the chart is free in its keys.
func unknownKeys(ours, chart map[string]any, prefix string) []string {
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(ours)) {
		theirs, ok := chart[key]
		if !ok {
			unknown = append(unknown, prefix+key)
			continue
		}
		oursMap, isMap := ours[key].(map[string]any)
		chartMap, _ := theirs.(map[string]any)
		if isMap && len(chartMap) > 0 {
			unknown = append(unknown, unknownKeys(oursMap, chartMap, prefix+key+".")...)
		}
	}
	return unknown
}

func TestUnknownKeys(t *testing.T) {
	chart := map[string]any{"a": map[string]any{"b": 1}, "free": map[string]any{}}
	ours := map[string]any{"a": map[string]any{"b": 2, "c": 3}, "free": map[string]any{"x": 1}, "d": 4}
	require.Equal(t, []string{"a.c", "d"}, unknownKeys(ours, chart, ""))
}

// Every object is one that an API server of Kubernetes takes, and the pods keep to the strictest standard.
func TestValues_AreInstallable(t *testing.T) {
	f := func(path string, kinds ...string) {
		t.Helper()
		for _, kubernetes := range []string{"1.30.0", newest} {
			r := install(t, "alloy-eks", kubernetes, readValues(t, path))
			require.Equal(t, kinds, r.kinds())
			requireCreatable(t, r)
			requireRestricted(t, r)
		}
	}
	f(quickstart, "ConfigMap", "Deployment", "Ingress", "Service", "ServiceAccount")
	f(production, "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Ingress", "NetworkPolicy", "PodDisruptionBudget",
		"Service", "ServiceAccount", "ServiceMonitor")
}

// What the test above would say.
func TestCreate_Failure(t *testing.T) {
	f := func(want string, change func(r *release)) {
		t.Helper()
		r := install(t, "alloy-eks", newest, readValues(t, production))
		change(r)
		var errs []string
		for _, object := range r.objects {
			if strategies[object.GetObjectKind().GroupVersionKind().Kind] == nil {
				continue
			}
			if err := create(object); err != nil {
				errs = append(errs, err.Error())
			}
		}
		require.Len(t, errs, 1)
		require.Contains(t, errs[0], want)
	}
	f("must consist of lower case", func(r *release) { r.service.Spec.Ports[1].Name = "Containers" })
	f("must be greater than or equal to `minReplicas`", func(r *release) { r.autoscaler.Spec.MaxReplicas = 1 })
	f("`selector` does not match template `labels`", func(r *release) { r.deployment.Spec.Selector.MatchLabels["x"] = "y" })
	f("spec.template.spec.containers[0].volumeMounts", func(r *release) { r.deployment.Spec.Template.Spec.Volumes = nil })
	f("spec.rules[0].host", func(r *release) { r.ingresses[0].Spec.Rules[0].Host = "Firehose.example.com:443" })
	f("may not specify both ipBlock and another peer", func(r *release) {
		r.network.Spec.Egress[1].To[0].PodSelector = &metav1.LabelSelector{}
	})
}

// The parts refer to each other by names, labels and numbers, whatever the release is called.
func TestValues_FitEachOther(t *testing.T) {
	for _, path := range all(t) {
		for _, name := range []string{"alloy-eks", "logs"} {
			r := install(t, name, newest, readValues(t, path))
			requireSelectorsFit(t, r)
			requirePortsFit(t, r)
			requireFilesFit(t, r)
		}
	}
}

func requireSelectorsFit(t *testing.T, r *release) {
	t.Helper()
	pod := labels.Set(r.deployment.Spec.Template.Labels)
	selects := func(selector *metav1.LabelSelector) {
		t.Helper()
		s, err := metav1.LabelSelectorAsSelector(selector)
		require.NoError(t, err)
		require.False(t, s.Empty())
		require.True(t, s.Matches(pod), "%s does not select pods with %s", s, pod)
	}
	selects(r.deployment.Spec.Selector)
	selects(&metav1.LabelSelector{MatchLabels: r.service.Spec.Selector})
	for _, constraint := range r.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		selects(constraint.LabelSelector)
	}
	if r.disruption != nil {
		selects(r.disruption.Spec.Selector)
	}
	if r.network != nil {
		selects(&r.network.Spec.PodSelector)
	}
	if r.monitor != nil {
		s, err := metav1.LabelSelectorAsSelector(&r.monitor.Spec.Selector)
		require.NoError(t, err)
		require.True(t, s.Matches(labels.Set(r.service.Labels)))
		require.Contains(t, portNames(r.service), r.monitor.Spec.Endpoints[0].Port)
	}
	if r.autoscaler != nil {
		// The chart writes the kind in lower case, which the autoscaler's mapping of kinds knows.
		require.True(t, strings.EqualFold("Deployment", r.autoscaler.Spec.ScaleTargetRef.Kind))
		require.Equal(t, r.deployment.Name, r.autoscaler.Spec.ScaleTargetRef.Name)
		require.Nil(t, r.deployment.Spec.Replicas, "the Deployment and the autoscaler would both set it")
		for _, container := range r.deployment.Spec.Template.Spec.Containers {
			require.NotZero(t, container.Resources.Requests.Cpu().MilliValue(), container.Name)
		}
	}
}

func portNames(service *corev1.Service) []string {
	var names []string
	for _, port := range service.Spec.Ports {
		names = append(names, port.Name)
	}
	return names
}

// requirePortsFit follows each port from the load balancer to the component that listens on it.
func requirePortsFit(t *testing.T, r *release) {
	t.Helper()
	listen := map[int32]bool{}
	for _, match := range regexp.MustCompile(`listen_port *= *(\d+)`).FindAllStringSubmatch(r.text(t), -1) {
		number, err := strconv.ParseInt(match[1], 10, 32)
		require.NoError(t, err)
		listen[int32(number)] = true
	}
	open := map[string]int32{}
	for _, port := range r.container(t).Ports {
		open[port.Name] = port.ContainerPort
	}
	reached := map[int32]bool{}
	for _, ingress := range r.ingresses {
		backend := ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service
		require.Equal(t, r.service.Name, backend.Name)
		port := servicePort(t, r.service, backend.Port)
		require.Equal(t, open[port.Name], port.TargetPort.IntVal)
		require.True(t, listen[port.TargetPort.IntVal], port.Name)
		reached[port.TargetPort.IntVal] = true
		requireALB(t, ingress, backend.Name)
	}
	require.Equal(t, listen, reached)

	if r.network != nil {
		admitted := map[string]bool{}
		for _, rule := range r.network.Spec.Ingress {
			for _, port := range rule.Ports {
				admitted[port.Port.StrVal] = true
			}
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(open)), slices.Collect(maps.Keys(admitted)))
	}
}

func servicePort(t *testing.T, service *corev1.Service, wanted networkingv1.ServiceBackendPort) corev1.ServicePort {
	t.Helper()
	for _, port := range service.Spec.Ports {
		if port.Name == wanted.Name || port.Port == wanted.Number {
			return port
		}
	}
	require.Fail(t, "no such port", "%+v", wanted)
	return corev1.ServicePort{}
}

// albAnnotations are names that the AWS Load Balancer Controller knows; it ignores others without a word.
// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
var albAnnotations = []string{
	"group.name", "scheme", "target-type", "listen-ports", "certificate-arn", "ssl-policy", "ssl-redirect", "backend-protocol", "healthcheck-port", "healthcheck-path",
	"healthcheck-interval-seconds", "healthy-threshold-count", "unhealthy-threshold-count", "load-balancer-attributes", "target-group-attributes",
}

// requireALB checks what the load balancer's controller reads from the annotations. It takes conditions from the annotation that ends in the name of the service,
// and none if that name is another one: then requests without an access key would come through.
func requireALB(t *testing.T, ingress *networkingv1.Ingress, service string) {
	t.Helper()
	require.Equal(t, "alb", *ingress.Spec.IngressClassName)
	conditions := 0
	for key, value := range ingress.Annotations {
		name := strings.TrimPrefix(key, "alb.ingress.kubernetes.io/")
		require.NotEqual(t, key, name)
		if suffix, ok := strings.CutPrefix(name, "conditions."); ok {
			require.Equal(t, service, suffix)
			requireHeaderCondition(t, value)
			conditions++
			continue
		}
		require.Contains(t, albAnnotations, name)
	}
	require.Equal(t, 1, conditions)
	require.Equal(t, "traffic-port", ingress.Annotations["alb.ingress.kubernetes.io/healthcheck-port"])
	require.Equal(t, "/", ingress.Annotations["alb.ingress.kubernetes.io/healthcheck-path"])
	require.JSONEq(t, `[{"HTTPS":443}]`, ingress.Annotations["alb.ingress.kubernetes.io/listen-ports"])
}

func requireHeaderCondition(t *testing.T, text string) {
	t.Helper()
	var conditions []struct {
		Field            string `json:"field"`
		HTTPHeaderConfig struct {
			HTTPHeaderName string   `json:"httpHeaderName"`
			Values         []string `json:"values"`
		} `json:"httpHeaderConfig"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &conditions))
	require.Len(t, conditions, 1)
	require.Equal(t, "http-header", conditions[0].Field)
	require.Equal(t, "X-Amz-Firehose-Access-Key", conditions[0].HTTPHeaderConfig.HTTPHeaderName)
	require.NotEmpty(t, conditions[0].HTTPHeaderConfig.Values)
}

// requireFilesFit checks variables, volumes and paths: what the configuration asks for is there, and nothing that is there goes unused.
func requireFilesFit(t *testing.T, r *release) {
	t.Helper()
	container, text := r.container(t), r.text(t)
	var given, asked []string
	for _, env := range container.Env {
		if !slices.Contains([]string{"ALLOY_DEPLOY_MODE", "HOSTNAME", "K8S_NODE_NAME"}, env.Name) { // The chart's.
			given = append(given, env.Name)
		}
	}
	for _, match := range regexp.MustCompile(`sys\.env\("(\w+)"\)`).FindAllStringSubmatch(text, -1) {
		asked = append(asked, match[1])
	}
	require.ElementsMatch(t, given, asked)

	mounted := map[string]string{}
	for _, mount := range container.VolumeMounts {
		mounted[mount.MountPath] = mount.Name
	}
	require.Contains(t, container.Args, "--storage.path=/var/lib/alloy/data")
	require.Equal(t, "data", mounted["/var/lib/alloy/data"])
	for _, match := range regexp.MustCompile(`filename *= *"([^"]+)"`).FindAllStringSubmatch(text, -1) {
		require.Contains(t, mounted, filepath.Dir(match[1]))
	}
	require.Equal(t, int64(473), *container.SecurityContext.RunAsUser)
	require.Equal(t, int64(473), *r.deployment.Spec.Template.Spec.SecurityContext.FSGroup)
}

// The secret that the comments say how to make has the keys that the pods take from it.
func TestValues_SecretOfTheComment(t *testing.T) {
	for _, path := range all(t) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		var made []string
		for _, match := range regexp.MustCompile(`--from-literal=([a-z-]+)=`).FindAllStringSubmatch(string(content), -1) {
			made = append(made, match[1])
		}
		r := install(t, "alloy-eks", newest, readValues(t, path))
		require.ElementsMatch(t, made, secretKeys(t, r), path)
	}
}

func secretKeys(t *testing.T, r *release) []string {
	t.Helper()
	var keys []string
	for _, env := range r.container(t).Env {
		if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			require.Equal(t, "alloy-eks", env.ValueFrom.SecretKeyRef.Name)
			keys = append(keys, env.ValueFrom.SecretKeyRef.Key)
		}
	}
	for _, volume := range r.deployment.Spec.Template.Spec.Volumes {
		if volume.Secret != nil {
			require.Equal(t, "alloy-eks", volume.Secret.SecretName)
			for _, item := range volume.Secret.Items {
				keys = append(keys, item.Key)
			}
		}
	}
	return keys
}

// A pod has the time that it needs to stop: the pause, the deliveries that are under way, and the rest that goes to Loki.
func TestValues_TimeToStop(t *testing.T) {
	for _, path := range all(t) {
		r := install(t, "alloy-eks", newest, readValues(t, path))
		pause := r.container(t).Lifecycle.PreStop.Sleep.Seconds
		// The defaults of the components: graceful_shutdown_timeout is 30s, a delivery may take 50s.
		require.GreaterOrEqual(t, *r.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds, pause+30+50)
		for _, ingress := range r.ingresses {
			require.Contains(t, ingress.Annotations["alb.ingress.kubernetes.io/target-group-attributes"], "deregistration_delay.timeout_seconds=20")
			require.Equal(t, int64(20), pause)
		}
	}
}

// Nothing of a cluster is given up while it is changed.
func TestProduction_StaysUp(t *testing.T) {
	r := install(t, "alloy-eks", newest, readValues(t, production))
	require.GreaterOrEqual(t, *r.autoscaler.Spec.MinReplicas, int32(2))
	require.Equal(t, intstr.FromInt32(1), *r.disruption.Spec.MaxUnavailable)
	require.Equal(t, intstr.FromInt32(0), *r.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable)

	var keys []string
	for _, constraint := range r.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		keys = append(keys, constraint.TopologyKey)
	}
	require.Equal(t, []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"}, keys)
	require.Equal(t, int32(0o440), *r.deployment.Spec.Template.Spec.Volumes[2].Secret.DefaultMode)
}
