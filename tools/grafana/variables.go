package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The data sources are variables, so that the dashboards can be imported anywhere.
var (
	prometheusSource = dashboard.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${prometheus}")}
	lokiSource       = dashboard.DataSourceRef{Type: cog.ToPtr("loki"), Uid: cog.ToPtr("${loki}")}
)

// dataSource is a variable for a data source, with the name of its type.
func dataSource(kind, label string) variable {
	return dashboard.NewDatasourceVariableBuilder(kind).Label(label).Type(kind)
}

// choice is a variable with the values that a query finds, any number of which can
// be chosen. All of them is also what has no such label.
func choice(name, label, description, query string, source dashboard.DataSourceRef) variable {
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Description(description).
		Datasource(source).
		Query(text(query)).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc).
		Multi(true).
		IncludeAll(true).
		AllValue(".*").
		Current(option("All", "$__all"))
}

// pattern is a variable for a regular expression that the user types.
func pattern(name, label, description string) variable {
	return dashboard.NewTextBoxVariableBuilder(name).
		Label(label).
		Description(description).
		DefaultValue(text(".*")).
		Current(option(".*", ".*"))
}

// everybody and people are the values of the variable hidden: which users are left
// out.
const (
	everybody = "-"
	people    = "(system:|eks:).+"
)

// hidden is a variable that leaves the components of Kubernetes out.
func hidden() variable {
	return dashboard.NewCustomVariableBuilder("hidden").
		Label("Users").
		Description("People are all users but the components of Kubernetes and EKS, nodes, service accounts, and who is anonymous.").
		Values(text("Everybody : " + everybody + ",People : " + people)).
		Options([]dashboard.VariableOption{option("Everybody", everybody), option("People", people)}).
		Current(option("Everybody", everybody))
}

func text(s string) dashboard.StringOrMap { return dashboard.StringOrMap{String: &s} }

func option(label, value string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Text:  dashboard.StringOrArrayOfString{String: &label},
		Value: dashboard.StringOrArrayOfString{String: &value},
	}
}
