// Package distribution is the composition root of this Alloy distribution: it puts Alloy's runtime and services together and gives them a command line.
//
// Alloy's own root (internal/alloycli) cannot be linked, because it imports every component that Alloy has, and not all of them can be built here.
// So the commands are written anew on the same parts: they take upstream's flags with upstream's defaults, and behave as upstream's do, except where a
// command's help says otherwise. Which components are compiled in is decided by the program that calls [Command], not here.
package distribution

import (
	"fmt"

	"github.com/spf13/cobra"
)

// Tool is a group of maintenance commands that a component brings along. It appears as `alloy tools <component>`.
type Tool struct {
	// Component is the component's name in a configuration, for example "prometheus.remote_write".
	Component string
	// Install adds the tool's commands to the given parent.
	Install func(parent *cobra.Command)
}

// Command returns the root command `alloy`. It serves the components that the calling program has imported.
//
// An error returned by its Execute has been printed to stderr already; the caller only has to exit with a non-zero status.
func Command(tools ...Tool) *cobra.Command {
	root := &cobra.Command{
		Use:   "alloy",
		Short: "Grafana Alloy, built for logs of Amazon EKS",
		Long: `A Grafana Alloy distribution that turns the Amazon Data Firehose deliveries of an EKS cluster into Loki entries with the time of the log line.

Configurations, flags and endpoints are those of Grafana Alloy ` + alloyVersion() + `.`,
		Version: versionText(),
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Usage() },
	}
	root.SetVersionTemplate("{{ .Version }}")
	root.AddCommand(
		runCommand(),
		validateCommand(),
		formatCommand(),
		componentsCommand(),
		toolsCommand(tools),
	)
	return root
}

func toolsCommand(tools []Tool) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tools",
		Short: "Maintenance commands of single components",
	}
	for _, tool := range tools {
		group := &cobra.Command{
			Use:   tool.Component,
			Short: fmt.Sprintf("Maintenance commands of %s", tool.Component),
		}
		tool.Install(group)
		cmd.AddCommand(group)
	}
	return cmd
}
