package clustertraffic

import "time"

// about sets the object of a request and its path.
func (r *request) about(group, version, resource, namespace, name, subresource string) {
	r.group, r.version, r.resource, r.namespace, r.name, r.subresource = group, version, resource, namespace, name, subresource
	if group == "" {
		r.path = append(append(r.path, "/api/"...), version...)
	} else {
		r.path = append(append(append(append(r.path, "/apis/"...), group...), '/'), version...)
	}
	if namespace != "" {
		r.path = append(append(r.path, "/namespaces/"...), namespace...)
	}
	for _, part := range [...]string{resource, name, subresource} {
		if part != "" {
			r.path = append(append(r.path, '/'), part...)
		}
	}
}

// by sets who makes the request, and why that is allowed.
func (r *request) by(u *user, verb, policy, reason string) {
	r.user, r.verb, r.policy, r.reason = u, verb, policy, reason
}

// fail sets the answer.
func (r *request) fail(code int, status string, message ...string) {
	r.code, r.status = code, status
	for _, m := range message {
		r.message += m
	}
}

// forbid sets the answer of the authorizer that refuses.
func (r *request) forbid() {
	where := " at the cluster scope"
	if r.namespace != "" {
		where = ` in the namespace "` + r.namespace + `"`
	}
	object := r.resource
	if r.group != "" {
		object += "." + r.group
	}
	if r.name != "" {
		object += ` "` + r.name + `"`
	}
	resource := r.resource
	if r.subresource != "" {
		resource += "/" + r.subresource
	}
	r.decision, r.reason = "forbid", ""
	r.fail(403, "Forbidden", object, ` is forbidden: User "`, r.user.name, `" cannot `, r.verb, ` resource "`, resource, `" in API group "`, r.group, `"`, where)
}

const (
	leases    = "coordination.k8s.io"
	discovery = "discovery.k8s.io"
	tokens    = "authentication.k8s.io"
	reviews   = "authorization.k8s.io"

	systemRole  = `RBAC: allowed by ClusterRoleBinding "operators" of ClusterRole "operators" to Group "system:authenticated"`
	staffRole   = `RBAC: allowed by ClusterRoleBinding "staff" of ClusterRole "view-and-debug" to Group "staff"`
	deployRole  = `RBAC: allowed by ClusterRoleBinding "deployers" of ClusterRole "admin" to Group "deployers"`
	appRole     = `RBAC: allowed by RoleBinding "settings/app" of Role "settings" to ServiceAccount "app"`
	controlRole = `RBAC: allowed by ClusterRoleBinding "controllers" of ClusterRole "controllers" to Group "system:authenticated"`
	publicRole  = `RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"`
)

// requests are the kinds of requests with their weights: mostly the machinery at
// work, and here and there what people look for.
var requests = newChoices(
	choice[func(*Generator, *request)]{130, nodeLease},
	choice[func(*Generator, *request)]{110, leaderLease},
	choice[func(*Generator, *request)]{40, health},
	choice[func(*Generator, *request)]{70, watch},
	choice[func(*Generator, *request)]{110, read},
	choice[func(*Generator, *request)]{90, podStatus},
	choice[func(*Generator, *request)]{40, nodeStatus},
	choice[func(*Generator, *request)]{60, endpointSlice},
	choice[func(*Generator, *request)]{70, eventCreate},
	choice[func(*Generator, *request)]{30, podCreate},
	choice[func(*Generator, *request)]{20, binding},
	choice[func(*Generator, *request)]{20, deploy},
	choice[func(*Generator, *request)]{40, deploymentStatus},
	choice[func(*Generator, *request)]{30, configMap},
	choice[func(*Generator, *request)]{12, secretGet},
	choice[func(*Generator, *request)]{4, secretList},
	choice[func(*Generator, *request)]{6, secretWrite},
	choice[func(*Generator, *request)]{16, tokenReview},
	choice[func(*Generator, *request)]{14, tokenRequest},
	choice[func(*Generator, *request)]{20, accessReview},
	choice[func(*Generator, *request)]{4, execInto},
	choice[func(*Generator, *request)]{1, execForbidden},
	choice[func(*Generator, *request)]{6, podLog},
	choice[func(*Generator, *request)]{16, look},
	choice[func(*Generator, *request)]{10, forbidden},
	choice[func(*Generator, *request)]{5, nodeForbidden},
	choice[func(*Generator, *request)]{3, secretForbidden},
	choice[func(*Generator, *request)]{4, anonymousAllowed},
	choice[func(*Generator, *request)]{4, anonymousForbidden},
	choice[func(*Generator, *request)]{2, unauthorized},
	choice[func(*Generator, *request)]{5, impersonation},
	choice[func(*Generator, *request)]{10, notFound},
	choice[func(*Generator, *request)]{12, conflict},
	choice[func(*Generator, *request)]{3, quota},
	choice[func(*Generator, *request)]{2, tooMany},
	choice[func(*Generator, *request)]{3, failure},
	choice[func(*Generator, *request)]{1, panics},
	choice[func(*Generator, *request)]{2, shortened},
)

func (g *Generator) users() *users { return &g.stream.cluster.users }

// nodeUser returns the user of the node that the request is about.
func (g *Generator) nodeUser(r *request) *user { return &g.users().nodes[r.host] }

func nodeLease(g *Generator, r *request) {
	r.about(leases, "v1", "leases", "kube-node-lease", r.node.name, "")
	r.query = append(r.query, "timeout=10s"...)
	r.by(g.nodeUser(r), "update", "Metadata", "")
}

func leaderLease(g *Generator, r *request) {
	u, users := &g.users().kcm, g.users()
	name := "kube-controller-manager"
	switch g.rng.IntN(4) {
	case 0:
		u, name = &users.scheduler, "kube-scheduler"
	case 1:
		u, name = &users.ccm, "cloud-controller-manager"
	case 2:
		u = pickOf(g, users.operators)
		name = u.name[len("system:serviceaccount:kube-system:"):]
	}
	r.about(leases, "v1", "leases", "kube-system", name, "")
	r.by(u, "update", "Metadata", controlRole)
	if g.oneIn(2) {
		r.verb = "get"
	} else {
		r.query = append(r.query, "timeout=5s"...)
	}
}

func health(g *Generator, r *request) {
	r.path = append(r.path, pick(g, []string{"/readyz", "/livez", "/healthz"})...)
	r.by(&g.users().probe, "get", "Metadata", publicRole)
	if g.oneIn(3) {
		r.query = append(r.query, "exclude=kms-provider-0&verbose=true"...)
	}
}

var watched = []struct{ group, version, resource string }{
	{"", "v1", "pods"},
	{"", "v1", "nodes"},
	{"", "v1", "services"},
	{"", "v1", "configmaps"},
	{discovery, "v1", "endpointslices"},
	{"apps", "v1", "replicasets"},
	{"storage.k8s.io", "v1", "csinodes"},
	{"", "v1", "secrets"},
	{"networking.k8s.io", "v1", "ingresses"},
}

func watch(g *Generator, r *request) {
	w := pick(g, watched)
	users := g.users()
	u := pickOf(g, users.operators)
	if w.resource == "secrets" || g.oneIn(3) {
		u = pickOf(g, users.controllers)
	}
	r.about(w.group, w.version, w.resource, "", "", "")
	r.query = append(r.query, "allowWatchBookmarks=true&resourceVersion="...)
	r.query = append(r.query, '1'+byte(g.rng.IntN(9)))
	for range 7 {
		r.query = append(r.query, '0'+byte(g.rng.IntN(10)))
	}
	r.query = append(r.query, "&timeout=9m12s&timeoutSeconds=552&watch=true"...)
	r.by(u, "watch", "Metadata", controlRole)
	r.stage = "ResponseStarted"
	if g.oneIn(2) {
		r.stage = "ResponseComplete"
		r.took = int64(g.between(60_000, 590_000)) * int64(time.Millisecond)
	}
}

func read(g *Generator, r *request) {
	w := pick(g, watched[:7])
	r.about(w.group, w.version, w.resource, "", "", "")
	r.by(pickOf(g, g.users().controllers), "list", "Request", controlRole)
	r.query = append(r.query, "limit=500&resourceVersion=0"...)
	if g.oneIn(3) {
		r.user, r.reason = pickOf(g, g.users().operators), systemRole
	}
}

func podStatus(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, pick(g, r.workload.pods), "status")
	r.by(g.nodeUser(r), "patch", "Request", "")
	r.requestObject = podStatusPatch
}

func nodeStatus(g *Generator, r *request) {
	r.about("", "v1", "nodes", "", r.node.name, "status")
	r.query = append(r.query, "timeout=10s"...)
	r.by(g.nodeUser(r), "patch", "Request", "")
	r.requestObject = nodeStatusPatch
}

func endpointSlice(g *Generator, r *request) {
	r.about(discovery, "v1", "endpointslices", r.workload.namespace, r.workload.name, "")
	r.by(&g.users().controllers[2], "update", "RequestResponse", controlRole)
	r.requestObject, r.responseObject = endpointSliceObject, endpointSliceObject
}

func eventCreate(g *Generator, r *request) {
	r.about("events.k8s.io", "v1", "events", r.workload.namespace, "", "")
	r.by(g.nodeUser(r), "create", "Request", "")
	r.code, r.requestObject = 201, eventObject
	if g.oneIn(3) {
		r.user, r.reason = &g.users().scheduler, controlRole
	}
}

func podCreate(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, "", "")
	r.by(&g.users().controllers[0], "create", "RequestResponse", controlRole)
	r.code, r.requestObject, r.responseObject = 201, podObject, podObject
	r.annotations = func(g *Generator) {
		g.lines.str(`,"mutation.webhook.admission.k8s.io/round_0_index_2":"{\"configuration\":\"pod-identity-webhook\",\"webhook\":\"pod-identity.example.com\",\"mutated\":true}","pod-security.kubernetes.io/enforce-policy":"privileged:latest"`)
	}
}

func binding(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, pick(g, r.workload.pods), "binding")
	r.by(&g.users().scheduler, "create", "Request", controlRole)
	r.code, r.requestObject = 201, bindingObject
}

func deploy(g *Generator, r *request) {
	r.about("apps", "v1", "deployments", r.workload.namespace, r.workload.name, "")
	r.query = append(r.query, "fieldManager=helm&force=true"...)
	r.by(&g.users().deployer, "patch", "RequestResponse", deployRole)
	r.requestObject, r.responseObject = deploymentObject, deploymentObject
}

func deploymentStatus(g *Generator, r *request) {
	r.about("apps", "v1", "deployments", r.workload.namespace, r.workload.name, "status")
	r.by(&g.users().controllers[1], "update", "RequestResponse", controlRole)
	r.responseObject = deploymentObject
}

func configMap(g *Generator, r *request) {
	r.about("", "v1", "configmaps", r.workload.namespace, r.workload.configMap, "")
	r.by(pickOf(g, g.users().apps), "get", "RequestResponse", appRole)
	r.responseObject = configMapObject
	if g.oneIn(4) {
		r.user, r.verb, r.reason, r.requestObject = &g.users().deployer, "update", deployRole, configMapObject
	}
}

func secretGet(g *Generator, r *request) {
	r.about("", "v1", "secrets", r.workload.namespace, r.workload.secret, "")
	r.by(pickOf(g, g.users().apps), "get", "RequestResponse", appRole)
	r.responseObject = secretObject
	if g.oneIn(6) {
		r.user, r.reason = pickOf(g, g.users().people), staffRole
	}
}

func secretList(g *Generator, r *request) {
	r.about("", "v1", "secrets", r.workload.namespace, "", "")
	r.query = append(r.query, "limit=500"...)
	r.by(pickOf(g, g.users().people), "list", "RequestResponse", staffRole)
	r.responseObject = secretListObject
}

func secretWrite(g *Generator, r *request) {
	r.about("", "v1", "secrets", r.workload.namespace, r.workload.secret, "")
	r.by(&g.users().deployer, "patch", "RequestResponse", deployRole)
	r.requestObject, r.responseObject = secretObject, secretObject
	r.annotations = secretPatch
}

func tokenReview(g *Generator, r *request) {
	r.about(tokens, "v1", "tokenreviews", "", "", "")
	r.by(g.nodeUser(r), "create", "RequestResponse", "")
	r.code, r.requestObject, r.responseObject = 201, tokenReviewObject, tokenReviewObject
}

func tokenRequest(g *Generator, r *request) {
	r.about("", "v1", "serviceaccounts", r.workload.namespace, r.workload.account, "token")
	r.by(g.nodeUser(r), "create", "RequestResponse", "")
	r.code, r.requestObject, r.responseObject = 201, tokenSpec, tokenObject
	r.annotations = func(g *Generator) {
		g.lines.str(`,"authentication.kubernetes.io/issued-credential-id":"JTI=`)
		g.uuid()
		g.lines.str(`"`)
	}
}

func accessReview(g *Generator, r *request) {
	r.about(reviews, "v1", "subjectaccessreviews", "", "", "")
	r.by(pickOf(g, g.users().operators), "create", "RequestResponse", systemRole)
	r.code, r.requestObject = 201, accessReviewObject
}

// execInto makes the first event of an exec into a pod. The second one follows
// when it ends.
func execInto(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, pick(g, r.workload.pods), "exec")
	r.query = append(append(append(r.query, "command=sh&container="...), r.workload.name...), "&stdin=true&stdout=true&tty=true"...)
	r.by(pickOf(g, g.users().people), "create", "Request", staffRole)
	if g.oneIn(2) {
		r.verb = "get" // By WebSocket.
	}
	r.code, r.stage = 101, "ResponseStarted"
	r.lasts = int64(g.between(20, 20_000)) * int64(time.Millisecond)
}

func execForbidden(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, pick(g, r.workload.pods), "exec")
	r.query = append(r.query, "command=env&stdout=true"...)
	r.by(pickOf(g, g.users().apps), "create", "Request", "")
	r.forbid()
}

func podLog(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, pick(g, r.workload.pods), "log")
	r.query = append(append(append(r.query, "container="...), r.workload.name...), "&follow=true"...)
	r.by(pickOf(g, g.users().people), "get", "Request", staffRole)
	r.stage = "ResponseStarted"
}

// look makes what somebody asks for who looks around in the cluster.
func look(g *Generator, r *request) {
	w := pick(g, watched[:7])
	r.about(w.group, w.version, w.resource, "", "", "")
	r.query = append(r.query, "limit=500"...)
	r.by(pickOf(g, g.users().people), "list", "Request", staffRole)
	r.ip = "10.0.91.2"
}

func forbidden(g *Generator, r *request) {
	switch g.rng.IntN(3) {
	case 0:
		r.about("", "v1", "nodes", "", "", "")
		r.by(pickOf(g, g.users().apps), "list", "Request", "")
	case 1:
		r.about("apps", "v1", "deployments", r.workload.namespace, r.workload.name, "")
		r.by(pickOf(g, g.users().people), "delete", "Request", "")
	default:
		r.about("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "", "", "")
		r.by(&g.users().deployer, "create", "Metadata", "")
	}
	r.forbid()
}

func nodeForbidden(g *Generator, r *request) {
	r.about("", "v1", "persistentvolumes", "", r.node.volumeID, "")
	r.by(g.nodeUser(r), "get", "Request", "")
	r.forbid()
	r.reason = "no relationship found between node '" + r.node.name + "' and this object"
	r.message += ": " + r.reason
}

func secretForbidden(g *Generator, r *request) {
	r.about("", "v1", "secrets", r.workload.namespace, r.workload.secret, "")
	r.by(pickOf(g, g.users().apps), "get", "Metadata", "")
	r.forbid()
}

func anonymousAllowed(g *Generator, r *request) {
	r.path = append(r.path, pick(g, []string{"/version", "/healthz", "/readyz"})...)
	r.by(&g.users().anonymous, "get", "Metadata", publicRole)
}

func anonymousForbidden(g *Generator, r *request) {
	r.by(&g.users().anonymous, "get", "Metadata", "")
	if g.oneIn(2) {
		r.path = append(r.path, "/"...)
		r.decision = "forbid"
		r.fail(403, "Forbidden", `forbidden: User "system:anonymous" cannot get path "/"`)
		return
	}
	r.verb = "list"
	r.about("", "v1", "pods", r.workload.namespace, "", "")
	r.forbid()
}

// unauthorized is somebody whom no authenticator knows: such a request has no
// user, and nobody decides on it.
func unauthorized(g *Generator, r *request) {
	r.about("", "v1", "namespaces", "", "", "")
	r.by(&nobody, "list", "Metadata", "")
	r.decision = ""
	r.fail(401, "Unauthorized", "Unauthorized")
}

var nobody = user{object: "{}", agent: "kubectl/v1.33.0 (linux/amd64) kubernetes/60a317e", ip: "198.51.100.77"}

func impersonation(g *Generator, r *request) {
	r.about("", "v1", "services", r.workload.namespace, "", "")
	r.by(pickOf(g, g.users().people), "list", "Request", appRole)
	r.impersonated = pickOf(g, g.users().apps)
	if g.oneIn(3) {
		r.verb = "deletecollection"
		r.forbid()
		r.message = `services is forbidden: User "` + r.impersonated.name + `" cannot deletecollection resource "services" in API group "" in the namespace "` + r.namespace + `"`
	}
}

func notFound(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, r.workload.replicaSet+"-gone9", "")
	r.by(pickOf(g, g.users().operators), "get", "Request", systemRole)
	r.fail(404, "NotFound", `pods "`, r.name, `" not found`)
}

func conflict(g *Generator, r *request) {
	r.about("apps", "v1", "replicasets", r.workload.namespace, r.workload.replicaSet, "status")
	r.by(&g.users().controllers[0], "update", "Request", controlRole)
	r.fail(409, "Conflict", `Operation cannot be fulfilled on replicasets.apps "`, r.name, `": somebody else has changed the object; read it again and try once more`)
}

// quota is a request that the authorizer allows and admission refuses.
func quota(g *Generator, r *request) {
	r.about("", "v1", "pods", r.workload.namespace, "", "")
	r.by(&g.users().controllers[0], "create", "Request", controlRole)
	r.requestObject = podObject
	r.fail(403, "Forbidden", `pods "`, r.workload.replicaSet, `" is forbidden: exceeded quota: compute, requested: cpu=2, used: cpu=19, limited: cpu=20`)
}

func tooMany(g *Generator, r *request) {
	r.about("", "v1", "events", "", "", "")
	r.by(pickOf(g, g.users().apps), "list", "Metadata", appRole)
	r.fail(429, "TooManyRequests", "too many requests at the moment, come back later")
}

func failure(g *Generator, r *request) {
	r.about("", "v1", "configmaps", r.workload.namespace, r.workload.configMap, "")
	r.by(pickOf(g, g.users().apps), "get", "Metadata", appRole)
	if g.oneIn(2) {
		r.fail(504, "Timeout", "the request did not end within its 1m0s")
		r.took = int64(time.Minute)
		return
	}
	r.fail(500, "InternalError", `an error on the server ("etcdserver: leader changed") has kept the request from succeeding`)
}

func panics(g *Generator, r *request) {
	r.about("custom.example.com", "v1beta1", "recipes", r.workload.namespace, "", "")
	r.by(pickOf(g, g.users().operators), "list", "Metadata", systemRole)
	r.stage = "Panic"
	r.fail(500, "InternalError", "APIServer panic'd: runtime error: index out of range")
}

// shortened is an event that the API server itself found too long: it leaves the
// objects out.
func shortened(g *Generator, r *request) {
	r.about("apiextensions.k8s.io", "v1", "customresourcedefinitions", "", "recipes.custom.example.com", "")
	r.by(&g.users().deployer, "update", "RequestResponse", deployRole)
	r.marks = truncated
}

// oversized makes an event that is longer than CloudWatch Logs takes, because of
// one object.
func (g *Generator) oversized(r *request) {
	r.by(&g.users().deployer, "update", "RequestResponse", deployRole)
	size := g.opts.CutAt + g.rng.IntN(g.opts.CutAt/2)
	if g.oneIn(2) {
		r.about("", "v1", "secrets", r.workload.namespace, "sh.helm.release.v1."+r.workload.name+".v17", "")
		r.requestObject = func(g *Generator, r *request) { g.releaseObject(r, size) }
		return
	}
	r.about("", "v1", "configmaps", r.workload.namespace, r.workload.name+"-dashboards", "")
	r.requestObject = func(g *Generator, r *request) { g.dashboardsObject(r, size) }
}
