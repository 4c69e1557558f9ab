package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// board is a dashboard.
type board struct {
	// uid is the same for ever: links and bookmarks hold it.
	uid                string
	title, description string
	variables          []variable
	rows               []row
}

type (
	variable = cog.Builder[dashboard.VariableModel]
	panel    = cog.Builder[dashboard.Panel]
)

// row is a part of a dashboard under a heading.
type row struct {
	title  string
	panels []panel
}

// tag is how the dashboards of this distribution find each other.
const tag = "alloy-eks"

// build puts the dashboard together.
func (b board) build() (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder(b.title).
		Uid(b.uid).
		Description(b.description).
		Tags([]string{tag, "loki"}).
		Editable().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Time("now-1h", "now").
		Timezone("browser").
		Refresh("1m").
		Link(dashboard.NewDashboardLinkBuilder("Logs of EKS").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).
			KeepTime(true))
	for _, v := range b.variables {
		d = d.WithVariable(v)
	}
	for _, r := range b.rows {
		d = d.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			d = d.WithPanel(p)
		}
	}
	built, err := d.Build()
	if err != nil {
		return built, fmt.Errorf("cannot build dashboard %q: %w", b.title, err)
	}
	complete(built.Panels)
	return built, nil
}

// complete gives panels and rows the numbers by which links find them, and lists
// that are empty where the builders leave none, as Grafana itself writes them.
func complete(panels []dashboard.PanelOrRowPanel) {
	for i := range panels {
		id := uint32(i + 1)
		if r := panels[i].RowPanel; r != nil {
			r.Id, r.Panels = id, []dashboard.Panel{}
			continue
		}
		p := panels[i].Panel
		p.Id = &id
		if p.FieldConfig != nil {
			p.FieldConfig.Overrides = []dashboard.DashboardFieldConfigSourceOverrides{}
		}
	}
}

// json returns the dashboard as Grafana imports it.
func (b board) json() ([]byte, error) {
	built, err := b.build()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(built); err != nil {
		return nil, fmt.Errorf("cannot encode dashboard %q: %w", b.title, err)
	}
	return text.Bytes(), nil
}
