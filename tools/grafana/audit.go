package main

// audit is the dashboard of who does what in the clusters.
func audit() board {
	return board{
		uid:         "alloy-eks-audit",
		title:       "Alloy EKS / Audit",
		description: "Who asks the API servers of EKS for what, who is denied it, and who comes near Secrets and into pods. From the audit logs, as cloudwatch.eks_controlplane stores them.",
		variables: append(logVariables(),
			hidden(),
			pattern("user", "User", "A regular expression for the name of the user, from its first letter to its last."),
			pattern("namespace", "Namespace", "A regular expression for the namespace that the request is about, from its first letter to its last."),
		),
		rows: []row{
			{"At a glance", auditGlance()},
			{"Who", whoPanels()},
			{"What", whatPanels()},
			{"Denied", deniedPanels()},
			{"Sessions in pods", sessionPanels()},
			{"Secrets", secretPanels()},
			{"Without authentication", anonymousPanels()},
			{"Clients", clientPanels()},
		},
	}
}

// logVariables are those of dashboards that ask Loki.
func logVariables() []variable {
	return []variable{
		dataSource("loki", "Loki"),
		choice("cluster", "Cluster", "The cluster whose control plane has written the logs.", `label_values({log_type=~".+"}, cluster)`, lokiSource),
	}
}

const (
	denied = auditEvents + ` | decision="forbid"`
	// sessions begin with ResponseStarted and end with ResponseComplete.
	sessions = auditEvents + ` | resource="pods" | subresource=~"exec|attach|portforward"`
	begun    = sessions + ` | stage="ResponseStarted"`
	// A watch is answered when it begins, and hands everything out then.
	secretReads = auditEvents + ` | resource="secrets" | verb=~"get|list|watch" | response_code=~"2.." | verb!="watch" or stage="ResponseStarted"`
	byPeople    = ` | user!~"` + people + `"`
	anonymous   = auditEvents + ` | user="system:anonymous"` + noHealthChecks
	changes     = answered + ` | verb=~"create|update|patch|delete|deletecollection" | response_code=~"2.."`
)

func auditGlance() []panel {
	return []panel{
		figure(about{"Requests", "How many requests have been answered?", "short", sixth},
			linesNow(total(answered), "")),
		figure(about{"Denied", "How many requests did the authorizer forbid?", "short", sixth},
			linesNow(total(denied), "")),
		figure(about{"Failed", "How many requests did the API server fail with a status of 500 or above?", "short", sixth},
			linesNow(total(answered+` | response_code=~"5.."`), ""), 1, 100),
		figure(about{"Sessions in pods", "How often did somebody exec into a pod, attach to one, or forward a port?", "short", sixth},
			linesNow(total(begun), ""), 1),
		figure(about{"Secrets read by people", "How often did somebody other than a component of the cluster read Secrets?", "short", sixth},
			linesNow(total(secretReads+byPeople), ""), 1),
		figure(about{"Anonymous, allowed", "How many requests without authentication succeeded, and not for health or version? It should be none.", "short", sixth},
			linesNow(total(anonymous+` | decision="allow" | response_code=~"[123].."`), ""), 1, 1),
	}
}

func whoPanels() []panel {
	return []panel{
		layers(about{"Requests by kind of user", "Who makes the requests: people, nodes, service accounts, the components of the control plane, or nobody known?", "reqps", third},
			lines(perSecond(answered+byKind, "kind"), "{{kind}}")),
		ranking(about{"Users with the most requests", "Who makes the most requests? All nodes are one, and so are all sessions of a role.", "short", third},
			linesNow(top(15, total(answered+byWho, "who")), "{{who}}")),
		ranking(about{"IAM principals with the most requests", "Which IAM roles and users are behind the requests?", "short", third},
			linesNow(top(15, total(answered+byRole, "role")), "{{role}}")),
	}
}

func whatPanels() []panel {
	return []panel{
		layers(about{"Requests by verb", "What do the requests want? Verbs that Kubernetes doesn't know aren't counted.", "reqps", third},
			lines(perSecond(answered+verbs, "verb"), "{{verb}}")),
		layers(about{"Answers by status", "How does the API server answer?", "reqps", third},
			lines(perSecond(answered, "response_code"), "{{response_code}}")),
		ranking(about{"Resources that are changed most", "What is created, changed and deleted? Only what succeeded counts: a failed request can name a resource that doesn't exist.", "short", third},
			linesNow(top(15, total(changes, "resource")), "{{resource}}")),
		reading(about{"Changes by people", "Who has changed what?", "", half},
			changes+byPeople+` | line_format "{{.user}} ({{.session_name}}) {{.verb}} {{.resource}} {{.namespace}}/{{.name}}: {{.response_code}}"`),
		reading(about{"On behalf of others", "Who has acted as somebody else?", "", half},
			answered+` | impersonated_user!="" | line_format "{{.user}} as {{.impersonated_user}}: {{.verb}} {{.request_uri}}: {{.response_code}}"`),
	}
}

func deniedPanels() []panel {
	return []panel{
		bars(about{"Denied requests by kind of user", "Whom does the authorizer forbid something?", "short", third},
			lines(count(denied+byKind, "kind"), "{{kind}}")),
		ranking(about{"Users with the most denials", "Who is denied most? A controller that has lost its role goes on asking, a person gives up.", "short", third},
			linesNow(top(15, total(denied+byWho, "who")), "{{who}}")),
		reading(about{"Denied requests", "Who was denied what, and from where?", "", third},
			denied+` | line_format "{{.user}} ({{.principal_arn}}) from {{.source_ips}} must not {{.verb}} {{.request_uri}}"`),
	}
}

func sessionPanels() []panel {
	return []panel{
		bars(about{"Sessions", "How often are sessions opened, and of which kind?", "short", third},
			lines(count(begun, "subresource"), "{{subresource}}")),
		reading(about{"Who opened which session", "Who was in which pod, and with which command?", "", whole - third},
			begun+` | line_format "{{.user}} ({{.principal_arn}}) in {{.namespace}}/{{.name}}: {{.request_uri}}"`),
	}
}

func secretPanels() []panel {
	return []panel{
		bars(about{"Reads by kind of user", "Who reads Secrets?", "short", third},
			lines(count(secretReads+byKind, "kind"), "{{kind}}")),
		ranking(about{"Users with the most reads", "Who reads Secrets most often?", "short", third},
			linesNow(top(15, total(secretReads+byWho, "who")), "{{who}}")),
		reading(about{"Secrets that people read", "Which Secrets has a person read? The values are no part of the logs.", "", third},
			secretReads+byPeople+` | line_format "{{.user}} ({{.session_name}}) {{.verb}} {{.namespace}}/{{.name}}"`),
	}
}

func anonymousPanels() []panel {
	return []panel{
		bars(about{"Anonymous requests by answer", "Are anonymous requests refused? 401 and 403 are scanners of an endpoint that is open to the internet.", "short", third},
			lines(count(anonymous, "response_code"), "{{response_code}}")),
		reading(about{"Anonymous requests", "What was asked for without authentication, apart from health and version, and from where?", "", whole - third},
			anonymous+` | line_format "{{.source_ips}} {{.verb}} {{.request_uri}}: {{.response_code}} ({{.user_agent}})"`),
	}
}

func clientPanels() []panel {
	return []panel{
		ranking(about{"User agents", "Which programs make the most requests? Clients can call themselves anything, so only well-known names are counted by themselves.", "short", half},
			linesNow(top(20, total(answered+byClient(), "client")), "{{client}}")),
		reading(about{"Other user agents", "What do clients call themselves that aren't well-known?", "", half},
			answered+` | user_agent!~"`+knownClient()+`" | line_format "{{.user_agent}}: {{.user}} {{.verb}} {{.request_uri}}"`),
	}
}
