package main

// controlPlane is the dashboard of how the control planes are.
func controlPlane() board {
	return board{
		uid:         "alloy-eks-control-plane",
		title:       "Alloy EKS / Control plane",
		description: "How the control planes of EKS are, from the logs of their components, as cloudwatch.eks_controlplane stores them.",
		variables: append(logVariables(),
			choice("log_type", "Component", "The component that has written the log.", `label_values({cluster=~"$cluster", log_type=~".+"}, log_type)`, lokiSource),
		),
		rows: []row{
			{"At a glance", healthGlance()},
			{"Components", componentPanels()},
			{"API server", apiServerPanels()},
			{"Authenticator", authenticatorPanels()},
			{"Leaders and instances", leaderPanels()},
			{"What went wrong", troublePanels()},
		},
	}
}

const (
	// chosen are the lines that the variables of the dashboard leave. The second
	// matcher keeps Loki from refusing a selector that could be of everything.
	chosen   = `{cluster=~"$cluster", log_type=~"$log_type", log_type!=""}`
	inError  = `{cluster=~"$cluster", log_type=~"$log_type", log_type!="", level=~"error|fatal"}`
	requests = `{cluster=~"$cluster", log_type="audit"} | stage="ResponseComplete"`
	failed   = requests + ` | response_code=~"5..|429"`
	// traces are the lines by which the API server tells of a slow request, with how
	// long it took.
	traces = `{cluster=~"$cluster", log_type="api"} |= "Trace[" |= "(total time: "`
	took   = traces + " | regexp `Trace\\[[0-9]+\\]: \"(?P<operation>[^\"]{1,40})\".*\\(total time: (?P<took>[0-9]+ms)\\)`"
	// logins are the lines of the authenticator about access.
	logins = `{cluster=~"$cluster", log_type="authenticator"} | outcome!=""`
	// elections are the lines of client-go's leader election, and of who has lost one.
	elections = `{cluster=~"$cluster", log_type=~"scheduler|controllerManager|cloudControllerManager"} |~ "(?i)(acquire|acquired|renew) (leader )?lease|leader ?election lost|stopped leading"`
	etcd      = `{cluster=~"$cluster", log_type="api"} |= "etcdserver: leader changed"`
	webhooks  = `{cluster=~"$cluster", log_type="api"} |~ "(?i)failed calling webhook"`
	panics    = `{cluster=~"$cluster", log_type!="audit", log_type!=""} |~ "Observed a panic|^panic: |^fatal error: "`
)

func healthGlance() []panel {
	return []panel{
		figure(about{"Failed requests", "Which share of the requests did the API server fail with a status of 500 or above, or put off with 429?", "percentunit", sixth},
			linesNow(total(failed)+" / "+total(requests), ""), 0.001, 0.01),
		figure(about{"Errors", "How many lines of the components are errors?", "short", sixth},
			linesNow(total(`{cluster=~"$cluster", log_type!="audit", log_type!="", level=~"error|fatal"}`), "")),
		figure(about{"Slow requests", "How many requests took so long that the API server traced them?", "short", sixth},
			linesNow(total(traces), "")),
		figure(about{"Denied logins", "How many IAM principals did the authenticator turn away?", "short", sixth},
			linesNow(total(logins+` | outcome="denied"`), "")),
		figure(about{"Lost leaders", "How often did a component lose its leader election, or etcd its leader?", "short", sixth},
			linesNow(total(`{cluster=~"$cluster", log_type!="audit", log_type!=""} |~ "(?i)leader ?election lost|stopped leading|etcdserver: leader changed"`), ""), 1),
		figure(about{"Panics", "How often did a component, or a request in the API server, panic?", "short", sixth},
			linesNow(total(panics), ""), 1, 1),
	}
}

func componentPanels() []panel {
	return []panel{
		layers(about{"Lines by component", "How much does each component write?", "cps", third},
			lines(perSecond(chosen, "log_type"), "{{log_type}}")),
		curves(about{"Errors by component", "Which component writes errors? Of the audit log, an error is a request that the API server has failed.", "cps", third},
			lines(perSecond(inError, "log_type"), "{{log_type}}")),
		curves(about{"Share of errors", "Is a component in trouble? More than half of a component's lines are errors when it can't do its work.", "percentunit", third},
			lines(perSecond(inError, "log_type")+" / "+perSecond(chosen, "log_type"), "{{log_type}}")).Max(1),
		layers(about{"Lines by severity", "How bad is what is written?", "cps", third},
			lines(perSecond(chosen, "level"), "{{level}}")),
		layers(about{"Bytes by component", "Which log costs the most? Rules can drop audit events that nobody needs.", "Bps", third},
			lines(grouped("bytes_rate", chosen, "$__auto", []string{"log_type"}), "{{log_type}}")),
		layers(about{"Lines by cluster", "Does every cluster write? A cluster that has gone silent has lost its logging, or its subscription.", "cps", third},
			lines(perSecond(chosen, "cluster"), "{{cluster}}")),
	}
}

func apiServerPanels() []panel {
	return []panel{
		bars(about{"Failed and deferred requests", "Which requests couldn't be served (5xx), or were put off (429)?", "short", third},
			lines(count(failed+verbs, "response_code", "verb"), "{{response_code}} {{verb}}")),
		curves(about{"Slow requests by operation", "What took long? The API server traces requests of more than half a second.", "short", third},
			lines(count(took+` | took!=""`, "operation"), "{{operation}}")).DrawStyle("bars").FillOpacity(60),
		curves(about{"Slowest request", "How long did the slowest request take?", "s", third},
			lines("max by (cluster) (max_over_time("+took+` | took!="" | unwrap duration(took) | __error__="" [$__auto]))`, "{{cluster}}")),
		bars(about{"Failed webhooks", "Did admission webhooks not answer?", "short", third},
			lines(count(webhooks, "cluster"), "{{cluster}}")),
		reading(about{"Traces of slow requests", "Which requests took long, and in which step? The lines after a trace have its steps.", "", whole - third}, traces),
	}
}

func authenticatorPanels() []panel {
	return []panel{
		bars(about{"Logins", "How many IAM principals are let in, and how many turned away?", "short", third},
			lines(count(logins, "outcome"), "{{outcome}}")),
		reading(about{"Who was turned away", "Who was turned away, and why? A node whose role isn't mapped asks every few seconds.", "", whole - third},
			logins+` | outcome="denied" | line_format "{{.arn}}: {{.msg}} {{.error}}"`),
	}
}

func leaderPanels() []panel {
	return []panel{
		bars(about{"Changes of leaders", "When did components look for a new leader, or etcd change its own? It happens when EKS replaces an instance.", "short", third},
			lines(count(elections, "log_type"), "{{log_type}}"),
			lines(count(etcd), "etcd")),
		curves(about{"Instances", "How many instances of each component write? EKS runs two API servers or more, and replaces them now and then.", "short", third},
			lines("count by (log_type) ("+count(chosen+` | instance!=""`, "log_type", "instance")+")", "{{log_type}}")).Decimals(0),
		reading(about{"What was said of leaders", "Which component has lost or found its leader?", "", third}, elections),
	}
}

func troublePanels() []panel {
	return []panel{
		ranking(about{"Places with the most warnings and errors", "From where in its program does a component warn most?", "short", third},
			linesNow(top(15, total(`{cluster=~"$cluster", log_type=~"$log_type", log_type!="", level=~"warn|error|fatal"} | source_file!=""`, "log_type", "source_file")), "{{log_type}} {{source_file}}")),
		reading(about{"Lines with errors", "What is wrong, in all logs?", "", whole - third}, inError+` | line_format "{{.log_type}}: {{__line__}}"`),
		reading(about{"Panics and ends", "What did a component say when it panicked or gave up?", "", half},
			`{cluster=~"$cluster", log_type!="audit", log_type!=""} |~ "Observed a panic|^panic: |^fatal error: |^F[0-9]{4} "`),
		reading(about{"Truncated and unreadable lines", "Which audit events came without a part of them, and what couldn't be read?", "", half},
			chosen+` | truncated="true" or parse_error!=""`),
	}
}
