package distribution

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/grafana/alloy/internal/component"
)

// ourPackages is the prefix of the packages of this repository, by which its components are told from Alloy's own.
const ourPackages = "github.com/grafana/alloy/eks/"

// compiledComponent is one element of what `alloy components --json` prints.
type compiledComponent struct {
	// Name is the component's name in a configuration.
	Name string `json:"name"`
	// Stability is what --stability.level is compared with: generally-available, public-preview or experimental; or community, which
	// stands outside that order and needs --feature.community-components.enabled.
	Stability string `json:"stability"`
	// Origin is eks for a component of this repository, alloy for one of Grafana Alloy's.
	Origin string `json:"origin"`
}

func componentsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:          "components",
		Short:        "List the components that are compiled in",
		Long:         `List the components that are compiled in, with their stability and whether they come from Grafana Alloy or from this distribution.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return writeComponentsJSON(cmd.OutOrStdout(), compiledComponents())
			}
			return writeComponentsTable(cmd.OutOrStdout(), compiledComponents())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print a JSON array")
	return cmd
}

// compiledComponents lists the registered components by name.
func compiledComponents() []compiledComponent {
	names := component.AllNames()
	list := make([]compiledComponent, 0, len(names))
	for _, name := range names {
		registration, ok := component.Get(name)
		if !ok {
			continue
		}
		list = append(list, compiledComponent{
			Name:      name,
			Stability: stabilityOf(registration),
			Origin:    originOf(registration),
		})
	}
	return list
}

func stabilityOf(r component.Registration) string {
	if r.Community {
		return "community"
	}
	// It comes with quotes, made for a sentence.
	quoted := r.Stability.String()
	if s, err := strconv.Unquote(quoted); err == nil {
		return s
	}
	return quoted
}

func originOf(r component.Registration) string {
	if strings.HasPrefix(reflect.TypeOf(r.Args).PkgPath(), ourPackages) {
		return "eks"
	}
	return "alloy"
}

func writeComponentsJSON(w io.Writer, list []compiledComponent) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

func writeComponentsTable(w io.Writer, list []compiledComponent) error {
	const padding = 2
	table := tabwriter.NewWriter(w, 0, 0, padding, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTABILITY\tORIGIN")
	for _, c := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Name, c.Stability, c.Origin)
	}
	return table.Flush()
}
