package clustertraffic

// controllerManagerLines are what kube-controller-manager writes.
var controllerManagerLines = newChoices(
	choice[func(*Generator)]{30, managerEvent},
	choice[func(*Generator)]{25, managerSync},
	choice[func(*Generator)]{10, managerAutoscaler},
	choice[func(*Generator)]{10, managerConflict},
	choice[func(*Generator)]{8, managerVolume},
	choice[func(*Generator)]{8, managerGarbage},
	choice[func(*Generator)]{6, managerNode},
	choice[func(*Generator)]{1, managerLost},
)

// managerEvent is bad news at the level I, half of the time.
func managerEvent(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "event.go", "389", "Event occurred")
	g.pair("object", w.namespace, "/", w.replicaSet)
	g.pair("fieldPath", "")
	g.pair("kind", "ReplicaSet")
	g.pair("apiVersion", "apps/v1")
	if g.oneIn(2) {
		g.pair("type", "Normal")
		g.pair("reason", "SuccessfulCreate")
		g.pair("message", "Created pod: ", pick(g, w.pods))
	} else {
		g.pair("type", "Warning")
		g.pair("reason", "FailedCreate")
		g.pair("message", `Error creating: pods "`, w.replicaSet, `-" is forbidden: exceeded quota: compute`)
	}
	g.lines.end()
}

func managerSync(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "replica_set.go", "679", "Finished syncing")
	g.pair("logger", "replicaset-controller")
	g.pair("kind", "ReplicaSet")
	g.pair("key", w.namespace, "/", w.replicaSet)
	g.pairText("duration", func() { g.latency(90_000) })
	g.lines.end()
}

func managerAutoscaler(g *Generator) {
	w := g.aWorkload()
	g.plain('E', "horizontal.go", "275", `failed to compute desired number of replicas based on listed metrics for Deployment/`, w.namespace, `/`, w.name,
		`: invalid metrics (1 invalid out of 1), first error is: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)`)
}

func managerConflict(g *Generator) {
	w := g.aWorkload()
	g.structured('E', "deployment_controller.go", "515", "Error syncing deployment")
	g.pair("deployment", w.namespace, "/", w.name)
	g.pair("err", `Operation cannot be fulfilled on replicasets.apps "`, w.replicaSet, `": somebody else has changed the object`)
	g.lines.end()
}

// managerVolume has a value of Go with blanks in it.
func managerVolume(g *Generator) {
	n, l := g.aNode(), &g.lines
	g.structured('I', "reconciler.go", "273", "attacherDetacher.DetachVolume started")
	l.str(` volume={AttachedVolume:{VolumeName:kubernetes.io/csi/ebs.csi.aws.com^`, n.volumeID, ` VolumeSpec:0xc0`)
	g.hex(8)
	l.str(` NodeName:`, n.name, ` PluginIsAttachable:true DevicePath: DeviceMountPath:} MountedByNode:false}`)
	l.end()
}

func managerGarbage(g *Generator) {
	w := g.aWorkload()
	g.klog('I', "garbagecollector.go", "549")
	g.lines.fact("msg", "Deleting item")
	// As klogr writes it.
	g.lines.str(`"msg"="Deleting item" "logger"="garbage-collector-controller" "propagationPolicy"="Background" "item"="[v1/Pod, namespace: `, w.namespace, `, name: `, pick(g, w.pods), `]"`)
	g.lines.end()
}

func managerNode(g *Generator) {
	n := g.aNode()
	g.plain('W', "node_lifecycle_controller.go", "1005", "node ", n.name, " hasn't been updated for 43.2", string('0'+byte(g.rng.IntN(10))), "s. Last Ready is: unknown")
}

// managerLost is the end of a leader, which prints its goroutines.
func managerLost(g *Generator) {
	g.plain('F', "controllermanager.go", "347", "leaderelection lost")
	g.stack([]frame{
		{"k8s.io/klog/v2.(*loggingT).output", "k8s.io/klog/v2/klog.go:965"},
		{"k8s.io/client-go/tools/leaderelection.(*LeaderElector).Run", "k8s.io/client-go/tools/leaderelection/leaderelection.go:212"},
	})
}

// schedulerLines are what kube-scheduler writes.
var schedulerLines = newChoices(
	choice[func(*Generator)]{50, schedulerBound},
	choice[func(*Generator)]{20, schedulerNoFit},
	choice[func(*Generator)]{15, schedulerPod},
	choice[func(*Generator)]{5, schedulerBinding},
	choice[func(*Generator)]{4, schedulerPlugin},
)

func schedulerBound(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "schedule_one.go", "314", "Successfully bound pod to node")
	g.pair("pod", w.namespace, "/", pick(g, w.pods))
	g.pair("node", g.aNode().name)
	g.bare("evaluatedNodes", nodesPerCluster)
	g.bare("feasibleNodes", g.between(1, nodesPerCluster))
	g.lines.end()
}

func schedulerNoFit(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "schedule_one.go", "1046", "Unable to schedule pod; no fit; waiting")
	g.pair("pod", w.namespace, "/", pick(g, w.pods))
	g.pair("err", "0/12 nodes are available: 12 Insufficient cpu. preemption: 0/12 nodes are available: 12 No preemption victims found for incoming pod.")
	g.lines.end()
}

func schedulerPod(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "eventhandlers.go", "229", "Add event for scheduled pod")
	g.pair("pod", w.namespace, "/", pick(g, w.pods))
	g.lines.end()
}

func schedulerBinding(g *Generator) {
	w := g.aWorkload()
	g.structured('E', "framework.go", "1205", "Failed running Bind plugin")
	g.pair("plugin", "DefaultBinder")
	g.pair("pod", w.namespace, "/", pick(g, w.pods))
	g.pair("err", `pods "`, pick(g, w.pods), "\" is already assigned to node\t\"", g.aNode().name, `"`)
	g.lines.end()
}

// schedulerPlugin is a plug-in that prints what it does without any logger.
func schedulerPlugin(g *Generator) {
	w := g.aWorkload()
	schedulerPod(g)
	g.follow("====topologyFilter filter==== ", w.name, " 7 of 12")
}

// cloudControllerLines are what AWS's cloud-controller-manager writes.
var cloudControllerLines = newChoices(
	choice[func(*Generator)]{40, cloudTagged},
	choice[func(*Generator)]{20, cloudNode},
	choice[func(*Generator)]{15, cloudBalancer},
	choice[func(*Generator)]{8, cloudThrottled},
)

func cloudTagged(g *Generator) {
	g.plain('I', "tagging_controller.go", "152", "Skip putting node ", g.aNode().name, " in work queue since it was already tagged earlier.")
}

func cloudNode(g *Generator) {
	g.klog('I', "node_controller.go", "271")
	g.lines.str("Update ")
	g.lines.int(int64(g.between(1, nodesPerCluster)))
	g.lines.str(" nodes status took ")
	g.latency(900_000)
	g.lines.str(".")
	g.lines.end()
}

func cloudBalancer(g *Generator) {
	w := g.aWorkload()
	g.structured('I', "controller.go", "1080", "Ensured load balancer")
	g.pair("service", w.namespace, "/", w.name)
	g.lines.end()
}

func cloudThrottled(g *Generator) {
	g.plain('W', "retry_handler.go", "99", "Got RequestLimitExceeded error on AWS request (ec2::DescribeInstances)")
}
