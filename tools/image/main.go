// Command image makes an OCI image of build/alloy without a container engine, and pushes it to a registry.
//
//	image build --binary linux/amd64=build/alloy --version v1.15.1-eks.1 --output build/image
//	image push --layout build/image registry.example.com/alloy-eks:v1.15.1-eks.1
//	image materials --binary build/alloy --version v1.15.1-eks.1
//
// The same binaries give the same image, bit by bit, on any machine. Besides the images themselves, an OCI layout gets a list of what is in each of them (a software
// bill of materials in CycloneDX's form), as an artifact that refers to the image.
//
// It is a module of its own, because nothing of what it needs belongs into Alloy's graph of modules.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "image", Short: "Make and push an OCI image", SilenceUsage: true}
	root.AddCommand(buildCommand(), filesCommand(), materialsCommand(), pushCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func buildCommand() *cobra.Command {
	var (
		layout string
		s      spec
	)
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Make an OCI image layout",
		Long: `Make an OCI image layout from static binaries. The variable SOURCE_DATE_EPOCH gives the time at which the image says it was created, in seconds since
1970; the time of the commit is the one to give.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.Created, err = epoch(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
				return err
			}
			result, err := s.write(layout)
			if err != nil {
				return err
			}
			result.print(cmd.OutOrStdout())
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringToStringVar(&s.Binaries, "binary", nil, "platform and static binary, as linux/amd64=build/alloy; may be repeated")
	configFlag(cmd, &s.Config)
	materialsFlags(cmd, &s)
	flags.StringVar(&s.Revision, "revision", "", "commit that the binaries were built from")
	flags.StringVar(&s.Source, "source", "", "URL of the repository")
	flags.StringVar(&layout, "output", "build/image", "directory of the layout, which is replaced")
	markRequired(cmd, "binary", "version")
	return cmd
}

// materialsFlags registers the flags that a list of what is in a binary needs.
func materialsFlags(cmd *cobra.Command, s *spec) {
	cmd.Flags().StringVar(&s.PackageLock, "package-lock", "", "package-lock.json of the web UI in the binaries, for the list of what is in them")
	cmd.Flags().StringVar(&s.Version, "version", "", "version of the distribution")
}

func markRequired(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("BUG: " + err.Error())
		}
	}
}

func materialsCommand() *cobra.Command {
	var (
		s      spec
		binary string
	)
	cmd := &cobra.Command{
		Use:   "materials",
		Short: "Print the list of what is in a binary",
		Long:  "Print the list of what is in a binary as CycloneDX JSON, the one that an image has too.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.Created, err = epoch(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
				return err
			}
			list, err := s.materials(binary)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(list)
			return err
		},
	}
	cmd.Flags().StringVar(&binary, "binary", "", "the binary")
	materialsFlags(cmd, &s)
	markRequired(cmd, "binary", "version")
	return cmd
}

func filesCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "files",
		Short: "Print the files around the binary as a tar archive",
		Long:  "Print the files around the binary as a tar archive, for an image that is made otherwise: the Dockerfile uses this.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return baseFiles(cmd.OutOrStdout(), config)
		},
	}
	configFlag(cmd, &config)
	return cmd
}

func configFlag(cmd *cobra.Command, config *string) {
	cmd.Flags().StringVar(config, "config", "operations/image/config.alloy", "configuration that runs when no other is mounted over it")
}

func pushCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "push [flags] reference",
		Short: "Push a layout to a registry",
		Long: `Push the image of a layout, for all its platforms, and the lists of what is in them. Who may push is taken from Docker's configuration and its credential
helpers, for example after aws ecr get-login-password | crane auth login.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			digest, err := push(dir, args[0], remote.WithContext(cmd.Context()), remote.WithAuthFromKeychain(authn.DefaultKeychain))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), digest)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "layout", "build/image", "directory of the layout")
	return cmd
}

// epoch reads SOURCE_DATE_EPOCH. https://reproducible-builds.org/specs/source-date-epoch/
func epoch(text string) (time.Time, error) {
	if text == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
