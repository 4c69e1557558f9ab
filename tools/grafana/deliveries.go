package main

import "fmt"

// deliveries is the dashboard of what Firehose brings and what becomes of it.
func deliveries() board {
	return board{
		uid:         "alloy-eks-deliveries",
		title:       "Alloy EKS / Firehose deliveries",
		description: "What Amazon Data Firehose delivers to awsfirehose.kubernetes and cloudwatch.eks_controlplane, what becomes of it, and what stands in its way.",
		variables: []variable{
			dataSource("prometheus", "Prometheus"),
			choice("cluster", "Cluster", "Where Alloy runs. All of them if your Prometheus has no such label.",
				labelValues("cluster"), prometheusSource),
			choice("namespace", "Namespace", "The namespace in which Alloy runs.",
				labelValues("namespace", `cluster=~"$cluster"`), prometheusSource),
			choice("component", "Component", "The components that take deliveries or push to Loki, by their names in Alloy's configuration.",
				labelValues("component_id", `cluster=~"$cluster"`, `namespace=~"$namespace"`), prometheusSource),
		},
		rows: []row{
			{"At a glance", glance()},
			{"Deliveries", deliveryPanels()},
			{"Records and entries", entryPanels()},
			{"Time", timePanels()},
			{"Backpressure", pressurePanels()},
			{"loki.write_sync", writeSyncPanels()},
			{"loki.write", writePanels()},
			{"Process", processPanels()},
		},
	}
}

// labelValues is the query of a variable for the values of a label. Each component
// that matters has one of these metrics from its start.
func labelValues(label string, matchers ...string) string {
	selector := `__name__=~"awsfirehose_kubernetes_records_total|cloudwatch_eks_controlplane_records_total|loki_write_sync_queued_entries|loki_write_sent_entries_total"`
	for _, m := range matchers {
		selector += ", " + m
	}
	return fmt.Sprintf("label_values({%s}, %s)", selector, label)
}

func glance() []panel {
	answered := rates("deliveries_total")
	return []panel{
		figure(about{"Answered deliveries", "How many deliveries are answered, whatever the answer.", "reqps", sixth},
			metricNow(sum(answered))),
		figure(about{"Not accepted", "Which share of the deliveries isn't answered 200. Firehose tries these again, and writes them to its backup bucket in the end.", "percentunit", sixth},
			metricNow(share(rates("deliveries_total", `status!="200"`), answered)), 0.01, 0.1),
		figure(about{"Entries", "How many log lines are handed over.", "eps", sixth},
			metricNow(sum(rates("entries_total", `outcome="forwarded"`)))),
		figure(about{"Median delay", "How long ago half of the lines that arrive now were written. It's the buffer interval of the Firehose stream, mostly.", "s", sixth},
			metricNow(quantile(0.5, rates("entry_delay_seconds_bucket"))), 900, 3600),
		figure(about{"Times of arrival", "Which share of the entries has no better time than that of its delivery. Above a few percent, the log shipper drops the time.", "percentunit", sixth},
			metricNow(share(rates("timestamp_source_total", `source=~"firehose|now"`), rates("timestamp_source_total"))), 0.02, 0.2),
		figure(about{"Share of raw text", "Which share of the entries couldn't be read, and has the raw text of its record.", "percentunit", sixth},
			metricNow(share(rates("flawed_entries_total"), rates("timestamp_source_total"))), 0.001, 0.01),
	}
}

func deliveryPanels() []panel {
	return []panel{
		layers(about{"Deliveries by status", "How are deliveries answered? Only 200 is success for Firehose.", "reqps", third},
			metric(sum(rates("deliveries_total"), "status"), "{{status}}")),
		layers(about{"Refused deliveries", "Why aren't deliveries accepted? What each reason means, and what to do, is in the table of the component's page. A status below 500 goes away only when you change something.", "reqps", third},
			metric(sum(rates("deliveries_total", `status!="200"`), "status", "reason"), "{{status}} {{reason}}")),
		curves(about{"Time to answer", "How long does a delivery take, from its headers to the answer? Firehose gives up after 3 minutes, and a load balancer after its idle timeout.", "s", third},
			quantiles(rates("delivery_duration_seconds_bucket"))...),
		layers(about{"Deliveries by component", "Which component takes how many?", "reqps", third},
			metric(sum(rates("deliveries_total"), "component_id"), "{{component_id}}")),
		layers(about{"Deliveries by key", "Which access key is in use? A key that nobody brings any more can be taken away. Only keys with a name are here, those of key blocks.", "reqps", third},
			metric(sum(rates("key_deliveries_total"), "key", "status"), "{{key}} {{status}}")),
		curves(about{"Bytes", "How much comes over the wire, how much is that after decompression of the bodies, and how much of it are log lines?", "Bps", third},
			metric(sum(rates("bytes_total"), "stage"), "{{stage}}")),
	}
}

func entryPanels() []panel {
	return []panel{
		curves(about{"Records and entries", "How many records come, and how many entries do they become? A record of CloudWatch Logs has many.", "cps", third},
			metric(sum(rates("records_total")), "records"),
			metric(sum(rates("entries_total", `outcome="forwarded"`)), "entries")),
		curves(about{"Entries by outcome", "What became of the entries? Of the forwarded ones, moved ones had a time out of bounds, and fragments are pieces of lines. Dropped ones met a relabeling rule.", "eps", third},
			metric(sum(rates("entries_total"), "outcome"), "{{outcome}}")),
		layers(about{"Raw text", "Why couldn't entries be read? They have the raw text of their record, and the reason in parse_error.", "eps", third},
			metric(sum(rates("flawed_entries_total"), "reason"), "{{reason}}")),
		curves(about{"Partial lines", "Are long lines put together again? Lost beginnings waited for their other fragments when the component stopped.", "eps", third},
			metric(sum(rate("awsfirehose_kubernetes_joined_lines_total")), "joined lines"),
			metric(sum(rates("entries_total", `outcome="fragment"`)), "fragments that stayed alone"),
			metric(sum(rate("awsfirehose_kubernetes_lost_fragments_total")), "lost beginnings")),
		curves(about{"Audit events", "What happens to audit events before they're handed over? Truncated ones came without a part of them.", "eps", third},
			metric(sum(rate("cloudwatch_eks_controlplane_dropped_audit_events_total")), "dropped"),
			metric(sum(rate("cloudwatch_eks_controlplane_redacted_audit_events_total")), "redacted"),
			metric(sum(rate("cloudwatch_eks_controlplane_truncated_audit_events_total")), "truncated")),
		curves(about{"Messages beside logs", "How often does CloudWatch Logs check its destination, and do common attributes come that can't be read?", "cps", third},
			metric(sum(rates("control_messages_total")), "control messages"),
			metric(sum(rates("malformed_attributes_total")), "unreadable common attributes")),
	}
}

func timePanels() []panel {
	return []panel{
		shares(about{"Time sources", "Where do entries have their time from? cri and line are the line's own. A high share of firehose or now means that the shipper drops the time.", "eps", third},
			metric(sum(rates("timestamp_source_total"), "source"), "{{source}}")),
		heat(about{"Delay", "How long before their arrival were the lines written? A band that climbs is a backlog.", "s", third},
			metricBuckets(sum(rates("entry_delay_seconds_bucket"), "le"))),
		curves(about{"Delay, quantiles", "How late are logs? The buffer interval of the Firehose stream is the most when all is well.", "s", third},
			quantiles(rates("entry_delay_seconds_bucket"))...),
	}
}

func pressurePanels() []panel {
	return []panel{
		layers(about{"Busy or stuck", "Why is Firehose told to come back? concurrent_size: run more replicas, or raise the limit. delivery_timeout and downstream: look at Loki.", "reqps", third},
			metric(sum(rates("deliveries_total", `status=~"5.."`), "reason"), "{{reason}}")),
		curves(about{"Bytes in flight", "How much do the deliveries under way hold, of what they may hold (limits.concurrent_size)? It's what the fullest instance had when it was asked.", "bytes", third},
			metric(fmt.Sprintf("max by (component_id) (%s)", values("inflight_bytes")), "{{component_id}}"),
			metric(fmt.Sprintf("min by (component_id) (%s)", values("inflight_bytes_limit")), "limit of {{component_id}}")),
		curves(about{"Connections and requests", "How many connections are open, and on how many of them is a request under way?", "short", third},
			metric(sum(values("tcp_connections")), "connections"),
			metric(sum(values("inflight_requests")), "requests")),
	}
}

func writeSyncPanels() []panel {
	return []panel{
		layers(about{"Deliveries asked for", "Did Loki accept the deliveries of the sources that wait for it?", "reqps", third},
			metric(sum(rate("loki_write_sync_accepts_total"), "outcome"), "{{outcome}}")),
		layers(about{"Requests to Loki", "How does Loki answer? The results are in the table of the component's page.", "reqps", third},
			metric(sum(rate("loki_write_sync_pushes_total"), "endpoint", "result"), "{{endpoint}} {{result}}")),
		curves(about{"Time of Loki", "How long does Loki take for a request, and how long do sources wait?", "s", third},
			metric(quantile(0.5, rate("loki_write_sync_push_duration_seconds_bucket")), "request, median"),
			metric(quantile(0.99, rate("loki_write_sync_push_duration_seconds_bucket")), "request, 99 %"),
			metric(quantile(0.99, rate("loki_write_sync_accept_duration_seconds_bucket")), "source, 99 %")),
		layers(about{"Mended entries", "Which entries did Loki refuse and take in another form? Their structured metadata mended has the reasons.", "eps", third},
			metric(sum(rate("loki_write_sync_mended_entries_total"), "endpoint", "reason"), "{{endpoint}} {{reason}}")),
		layers(about{"Entries that Loki takes in no form", "What is lost, or in the dead letters? Refused entries are in the dead letters if there are any. Dropped ones came from components that don't wait for an answer.", "eps", third},
			metric(sum(rate("loki_write_sync_refused_entries_total"), "endpoint", "reason"), "refused: {{endpoint}} {{reason}}"),
			metric(sum(rate("loki_write_sync_dead_letter_entries_total")), "dead letters"),
			metric(sum(rate("loki_write_sync_dropped_entries_total"), "reason"), "dropped: {{reason}}")),
		curves(about{"Queue", "How many entries of components that don't wait aren't pushed yet, how many requests are under way, and how many are repeated?", "short", third},
			metric(sum(selected("loki_write_sync_queued_entries")), "queued entries"),
			metric(sum(selected("loki_write_sync_in_flight_pushes")), "requests under way"),
			metric(sum(rate("loki_write_sync_push_retries_total")), "repeated requests per second")),
	}
}

func writePanels() []panel {
	return []panel{
		curves(about{"Sent entries", "How many entries does Loki accept?", "eps", third},
			metric(sum(rate("loki_write_sent_entries_total"), "component_id"), "{{component_id}}")),
		layers(about{"Dropped entries", "What is lost because Loki doesn't take it? loki.write_sync loses none of these.", "eps", third},
			metric(sum(rate("loki_write_dropped_entries_total"), "component_id", "reason"), "{{component_id}} {{reason}}")),
		curves(about{"Requests of loki.write", "How does Loki answer?", "reqps", third},
			metric(sum(rate("loki_write_request_duration_seconds_count"), "status_code"), "{{status_code}}")),
	}
}

// processPanels are about the processes that have our components. Their metrics
// have no component_id.
func processPanels() []panel {
	ours := func(expr string) string {
		return fmt.Sprintf(`%s and on (job, instance) (%s)`, expr, values("remembered_sources"))
	}
	const process = `{cluster=~"$cluster", namespace=~"$namespace"}`
	return []panel{
		curves(about{"CPU", "How many cores does each instance use?", "short", quarter},
			metric(ours("rate(process_cpu_seconds_total"+process+"[$__rate_interval])"), "{{instance}}")),
		curves(about{"Memory", "How much memory does each instance have?", "bytes", quarter},
			metric(ours("process_resident_memory_bytes"+process), "{{instance}}")),
		curves(about{"Remembered sources", "How many containers or log streams are remembered? At the limit (limits.remembered_sources) they're read again, which is slower.", "short", quarter},
			metric("max by (component_id) ("+values("remembered_sources")+")", "{{component_id}}")),
		curves(about{"Unhealthy components", "Does Alloy say that a component doesn't work, or did a delivery meet a defect?", "short", quarter},
			metric(`sum(alloy_component_controller_running_components{cluster=~"$cluster", namespace=~"$namespace", health_type!="healthy"}) or vector(0)`, "unhealthy components"),
			metric(sum(rates("panics_total")), "defects per second")),
	}
}
