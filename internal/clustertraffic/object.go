package clustertraffic

// second is a second of log time.
const second = int64(1e9)

// metadata opens the metadata of an object, without the closing brace.
func (g *Generator) metadata(r *request, name string) {
	l := &g.lines
	l.str(`"metadata":{"name":"`, name, `"`)
	if r.namespace != "" {
		l.str(`,"namespace":"`, r.namespace, `"`)
	}
	l.str(`,"uid":"`, r.workload.uid, `","resourceVersion":"`)
	l.int(int64(g.between(10_000_000, 99_999_999)))
	l.str(`","creationTimestamp":"2026-03-02T08:10:44Z"`)
}

func (g *Generator) labels(r *request) {
	g.lines.str(`,"labels":{"app":"`, r.workload.name, `","app.kubernetes.io/managed-by":"Helm","team":"`, r.workload.namespace, `"}`)
}

// condition appends a condition of a pod or node.
func (g *Generator) condition(r *request, kind, status, reason, message string, beat bool) {
	l := &g.lines
	l.str(`{`)
	if beat {
		l.str(`"lastHeartbeatTime":"`)
		l.seconds(r.time)
		l.str(`",`)
	}
	l.str(`"lastTransitionTime":"`)
	l.seconds(r.time - int64(g.between(1, 900))*second)
	l.str(`","message":"`, message, `","reason":"`, reason, `","status":"`, status, `","type":"`, kind, `"}`)
}

func podStatusPatch(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	l.str(`{"metadata":{"uid":"`, w.uid, `"},"status":{"$setElementOrder/conditions":[{"type":"PodReadyToStartContainers"},{"type":"Initialized"},`+
		`{"type":"Ready"},{"type":"ContainersReady"},{"type":"PodScheduled"}],"conditions":[`)
	g.condition(r, "Ready", "False", "ContainersNotReady", "containers with unready status: ["+w.name+"]", false)
	l.str(`,`)
	g.condition(r, "ContainersReady", "False", "ContainersNotReady", "containers with unready status: ["+w.name+"]", false)
	l.str(`],"containerStatuses":[{"containerID":"containerd://`)
	g.hex(64)
	l.str(`","image":"`, w.image, `:live","imageID":"`, w.image, `@sha256:`, w.imageID, `","lastState":{"terminated":{"containerID":"containerd://`)
	g.hex(64)
	l.str(`","exitCode":`)
	l.int(int64(g.between(1, 143)))
	l.str(`,"finishedAt":"`)
	l.seconds(r.time - 12*second)
	l.str(`","reason":"Error","startedAt":"`)
	l.seconds(r.time - int64(g.between(20, 9000))*second)
	l.str(`"}},"name":"`, w.name, `","ready":false,"restartCount":`)
	l.int(int64(g.between(1, 40)))
	l.str(`,"started":false,"state":{"waiting":{"message":"back-off 5m0s restarting failed container=`, w.name, ` pod=`, r.name,
		`","reason":"CrashLoopBackOff"}}}],"hostIP":"`, r.node.ip, `","podIP":"`, r.node.ip, `","podIPs":[{"ip":"`, r.node.ip, `"}]}}`)
}

func nodeStatusPatch(g *Generator, r *request) {
	l := &g.lines
	l.str(`{"status":{"$setElementOrder/conditions":[{"type":"MemoryPressure"},{"type":"DiskPressure"},{"type":"PIDPressure"},{"type":"Ready"}],"conditions":[`)
	g.condition(r, "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has enough memory", true)
	l.str(`,`)
	g.condition(r, "DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", true)
	l.str(`,`)
	g.condition(r, "PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has enough PIDs", true)
	l.str(`,`)
	g.condition(r, "Ready", "True", "KubeletReady", "kubelet posts that it is ready", true)
	l.str(`],"images":[`)
	workloads := g.stream.cluster.workloads
	for i := range workloads {
		w := &workloads[i]
		if i > 0 {
			l.str(`,`)
		}
		l.str(`{"names":["`, w.image, `@sha256:`, w.imageID, `","`, w.image, `:live"],"sizeBytes":`)
		l.int(int64(g.between(9_000_000, 400_000_000)))
		l.str(`}`)
	}
	l.str(`],"volumesAttached":[{"devicePath":"","name":"kubernetes.io/csi/ebs.csi.aws.com^`, r.node.volumeID, `"}]}}`)
}

func endpointSliceObject(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	l.str(`{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",`)
	g.metadata(r, w.name)
	g.labels(r)
	l.str(`},"addressType":"IPv4","endpoints":[`)
	for i, pod := range w.pods {
		if i > 0 {
			l.str(`,`)
		}
		n := &g.stream.cluster.nodes[(r.host+i)%nodesPerCluster]
		l.str(`{"addresses":["`, n.ip, `"],"conditions":{"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod","namespace":"`,
			w.namespace, `","name":"`, pod, `","uid":"`, w.uid, `"},"nodeName":"`, n.name, `","zone":"`, g.stream.cluster.region, `a"}`)
	}
	l.str(`],"ports":[{"name":"http","protocol":"TCP","port":8080}]}`)
}

func eventObject(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	pod := pick(g, w.pods)
	l.str(`{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"`, pod, `.`)
	g.hex(16)
	l.str(`","namespace":"`, w.namespace, `","creationTimestamp":null},"eventTime":"`)
	l.micros(r.time - r.took)
	l.str(`","reportingController":"kubelet","reportingInstance":"`, r.node.name, `","action":"Pulling","reason":"BackOff","regarding":{"kind":"Pod","namespace":"`,
		w.namespace, `","name":"`, pod, `","uid":"`, w.uid, `","apiVersion":"v1","resourceVersion":"`)
	l.int(int64(g.between(10_000_000, 99_999_999)))
	l.str(`","fieldPath":"spec.containers{`, w.name, `}"},"note":"Back-off pulling image \"`, w.image, `:live\"","type":"Warning","deprecatedCount":`)
	l.int(int64(g.between(1, 900)))
	l.str(`}`)
}

func podObject(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	l.str(`{"kind":"Pod","apiVersion":"v1",`)
	g.metadata(r, pick(g, w.pods))
	g.labels(r)
	l.str(`,"annotations":{"checksum/settings":"`)
	g.hex(64)
	l.str(`"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"`, w.replicaSet, `","uid":"`, w.uid,
		`","controller":true,"blockOwnerDeletion":true}],"managedFields":[`, w.managedFields, `]},"spec":`)
	g.podSpec(w)
	l.str(`,"status":{"phase":"Pending","qosClass":"Burstable"}}`)
}

func (g *Generator) podSpec(w *workload) {
	g.lines.str(`{"volumes":[{"name":"settings","configMap":{"name":"`, w.configMap, `","defaultMode":420}},{"name":"kube-api-access","projected":`+
		`{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":`+
		`[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],"containers":[{"name":"`, w.name, `","image":"`, w.image,
		`:live","args":["--listen=:8080","--log-format=json"],"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],"env":[{"name":"LISTEN",`+
			`"value":":8080"},{"name":"DATABASE_URL","valueFrom":{"secretKeyRef":{"name":"`, w.secret, `","key":"url"}}}],"resources":{"limits":{"memory":"512Mi"},`+
			`"requests":{"cpu":"250m","memory":"256Mi"}},"volumeMounts":[{"name":"settings","readOnly":true,"mountPath":"/etc/`, w.name,
		`"}],"livenessProbe":{"httpGet":{"path":"/alive","port":"http","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,`+
			`"failureThreshold":3},"imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst",`+
			`"serviceAccountName":"`, w.account, `","tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]}`)
}

func bindingObject(g *Generator, r *request) {
	g.lines.str(`{"kind":"Binding","apiVersion":"v1","metadata":{"name":"`, r.name, `","namespace":"`, r.namespace, `","uid":"`, r.workload.uid,
		`","creationTimestamp":null},"target":{"kind":"Node","name":"`, r.node.name, `"}}`)
}

func deploymentObject(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	l.str(`{"kind":"Deployment","apiVersion":"apps/v1",`)
	g.metadata(r, w.name)
	g.labels(r)
	l.str(`,"annotations":{"deployment.kubernetes.io/revision":"17","kubectl.kubernetes.io/last-applied-configuration":"`, w.lastDeployment,
		`"},"managedFields":[`, w.managedFields, `]},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"`, w.name, `"}},"template":{"metadata":{"labels":{"app":"`,
		w.name, `"}},"spec":`)
	g.podSpec(w)
	l.str(`},"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}}},"status":{"observedGeneration":17,"replicas":3,"conditions":[`)
	g.condition(r, "Available", "True", "MinimumReplicasAvailable", "there are enough replicas", false)
	l.str(`]}}`)
}

func configMapObject(g *Generator, r *request) {
	l := &g.lines
	l.str(`{"kind":"ConfigMap","apiVersion":"v1",`)
	g.metadata(r, r.workload.configMap)
	g.labels(r)
	l.str(`},"data":{"settings.yaml":"listen: :8080\nworkers: `)
	l.int(int64(g.between(1, 64)))
	l.str(`\ngreeting: \"say \\\"hello\\\" to \u003cguests\u003e \u0026 friends\"\n# The temperature is in °C.\nlimits:\n  open: 512\n  idle: 64\n"}}`)
}

// secretValue appends a value of a Secret, which nobody must see.
func (g *Generator) secretValue() {
	from := len(g.lines.text)
	g.base64(g.between(24, 60))
	g.lines.secretFrom(from)
}

// secretObject writes a Secret as kubectl applies it: the annotation holds it
// once more.
func secretObject(g *Generator, r *request) {
	l, w := &g.lines, r.workload
	l.str(`{"kind":"Secret","apiVersion":"v1",`)
	g.metadata(r, w.secret)
	g.labels(r)
	l.str(`,"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"`,
		w.secret, `\"},\"stringData\":{\"password\":\"`)
	g.secretValue()
	l.str(`\"}}\n"}},"data":{"password":"`)
	g.secretValue()
	l.str(`","url":"`)
	g.secretValue()
	l.str(`"},"type":"Opaque"}`)
}

func secretListObject(g *Generator, r *request) {
	l := &g.lines
	l.str(`{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"`)
	l.int(int64(g.between(10_000_000, 99_999_999)))
	l.str(`"},"items":[`)
	for i := range 3 {
		if i > 0 {
			l.str(`,`)
		}
		secretObject(g, r)
	}
	l.str(`]}`)
}

// secretPatch adds the annotation of a webhook that has changed a Secret.
func secretPatch(g *Generator) {
	g.lines.str(`,"patch.webhook.admission.k8s.io/round_0_index_0":"{\"configuration\":\"vault-injector\",\"webhook\":\"vault.example.com\",\"patch\":` +
		`[{\"op\":\"add\",\"path\":\"/data/lease\",\"value\":\"`)
	g.secretValue()
	g.lines.str(`\"}],\"patchType\":\"JSONPatch\"}"`)
}

// jwt appends a token, which nobody must see.
func (g *Generator) jwt() {
	l := &g.lines
	from := len(l.text)
	l.str(`eyJhbGciOiJSUzI1NiJ9.`)
	g.base64(180)
	l.str(`.`)
	g.base64(86)
	l.secretFrom(from)
}

func tokenReviewObject(g *Generator, r *request) {
	l := &g.lines
	l.str(`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{"creationTimestamp":null},"spec":{"token":"`)
	if g.oneIn(2) {
		from := len(l.text)
		l.str(`k8s-aws-v1.`)
		g.base64(300)
		l.secretFrom(from)
	} else {
		g.jwt()
	}
	l.str(`","audiences":["https://kubernetes.default.svc"]},"status":{"authenticated":true,"user":`, pickOf(g, g.users().apps).object, `}}`)
}

func tokenSpec(g *Generator, r *request) {
	g.lines.str(`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","metadata":{"creationTimestamp":null},"spec":{"audiences":["sts.amazonaws.com"],`+
		`"expirationSeconds":86400,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"`, r.workload.pods[0], `","uid":"`, r.workload.uid, `"}},"status":{"token":"","expirationTimestamp":null}}`)
}

func tokenObject(g *Generator, r *request) {
	l := &g.lines
	l.str(`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","metadata":{"name":"`, r.name, `","namespace":"`, r.namespace,
		`","creationTimestamp":"`)
	l.seconds(r.time)
	l.str(`"},"spec":{"audiences":["sts.amazonaws.com"],"expirationSeconds":86400},"status":{"token":"`)
	g.jwt()
	l.str(`","expirationTimestamp":"`)
	l.seconds(r.time + 86_400*second)
	l.str(`"}}`)
}

func accessReviewObject(g *Generator, r *request) {
	g.lines.str(`{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{"creationTimestamp":null},"spec":{"resourceAttributes":{"namespace":"`,
		r.workload.namespace, `","verb":"get","resource":"pods"},"user":"`, pickOf(g, g.users().apps).name, `"},"status":{"allowed":true}}`)
}

// releaseObject writes a Secret in which Helm keeps a release: one long value.
func (g *Generator) releaseObject(r *request, size int) {
	l := &g.lines
	l.str(`{"kind":"Secret","apiVersion":"v1",`)
	g.metadata(r, r.name)
	g.labels(r)
	l.str(`},"data":{"release":"`)
	g.secretValue()
	g.fill(size)
	g.secretValue()
	l.str(`"},"type":"helm.sh/release.v1"}`)
}

// dashboardsObject writes a ConfigMap whose values are JSON, as long as the size
// asks for.
func (g *Generator) dashboardsObject(r *request, size int) {
	l := &g.lines
	l.str(`{"kind":"ConfigMap","apiVersion":"v1",`)
	g.metadata(r, r.name)
	g.labels(r)
	l.str(`},"data":{"overview.json":"{\"panels\":[`)
	for until := len(l.text) + size; len(l.text) < until; {
		l.str(panel)
		l.int(int64(g.between(1, 99_999)))
		l.str(`},`)
	}
	l.str(`{}]}"}}`)
}

// panel is a panel of a dashboard as it stands in a ConfigMap, up to its id.
const panel = `{\"type\":\"timeseries\",\"title\":\"Loaves per oven\",\"targets\":[{\"expr\":\"sum by (oven) (rate(loaves_total{tray=~\\\".+\\\"}[5m])) \u003e 0\",\"refId\":\"A\"}],\"gridPos\":{\"h\":8,\"w\":12},\"id\":`
