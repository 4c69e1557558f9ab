package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/grafana/alloy/syntax/diag"

	"github.com/grafana/alloy/eks/internal/convertflow"
)

// standardInput is how a command names it.
const standardInput = "-"

// errLeftAlone is returned by `alloy convert-flow --strict` when it has left
// something alone.
var errLeftAlone = errors.New("something is left alone")

// convertFlowFlags are the flags of `alloy convert-flow`.
type convertFlowFlags struct {
	output   string
	strict   bool
	comments bool
	refuse   []string
}

func convertFlowCommand() *cobra.Command {
	var flags convertFlowFlags
	cmd := &cobra.Command{
		Use:   "convert-flow [flags] file",
		Short: "Convert a configuration of Grafana Agent Flow",
		Long: `Convert a configuration of Grafana Agent in flow mode (River) and print it. With "-", standard input is read.

loki.source.awsfirehose and the stages behind it that unpack the records of Fluent Bit become awsfirehose.kubernetes where it is certain that the
entries have the same lines and labels, and times that are as exact or more so. Comments are kept. What was rewritten, in which way its result is
better, and what was left alone and why is told on standard error.

Exits with 1 if the file is not a configuration, and with 2 if --strict is given and something was left alone.`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return convertFlow(args[0], flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "Write to this file and not to standard output")
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "Exit with 2 if something is left alone")
	cmd.Flags().BoolVar(&flags.comments, "comments", false, "Say in a comment above what is left alone why it is")
	cmd.Flags().StringSliceVar(&flags.refuse, "refuse", nil,
		"Leave alone what would differ in one of these: "+strings.Join(differenceNames(), ", "))
	return cmd
}

func differenceNames() []string {
	var names []string
	for _, d := range convertflow.Differences() {
		names = append(names, string(d))
	}
	return names
}

func convertFlow(name string, flags convertFlowFlags, stdin io.Reader, stdout, stderr io.Writer) error {
	opts := convertflow.Options{Comments: flags.comments}
	for _, d := range flags.refuse {
		if !slices.Contains(differenceNames(), d) {
			return fmt.Errorf("--refuse: %q is no difference: use one of %s", d, strings.Join(differenceNames(), ", "))
		}
		opts.Refuse = append(opts.Refuse, convertflow.Difference(d))
	}
	text, err := readFlow(name, stdin)
	if err != nil {
		return err
	}
	result, err := convertflow.Convert(name, text, opts)
	if err != nil {
		return explainFlow(stderr, name, text, err)
	}
	left := tellFindings(stderr, name, text, result.Findings)
	if err := writeFlow(flags.output, result.Text, stdout); err != nil {
		return err
	}
	if left && flags.strict {
		return errLeftAlone
	}
	return nil
}

func readFlow(name string, stdin io.Reader) (text []byte, err error) {
	if name == standardInput {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	return text, nil
}

func writeFlow(name string, text []byte, stdout io.Writer) error {
	if name == "" {
		_, err := stdout.Write(text)
		return err
	}
	// A configuration can hold keys. A file that exists keeps its mode.
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return fmt.Errorf("cannot write configuration: %w", err)
	}
	return nil
}

// tellFindings writes findings to w, and shows the lines that what was left alone
// is about. It reports whether there is such.
func tellFindings(w io.Writer, name string, text []byte, findings []convertflow.Finding) (left bool) {
	for _, f := range findings {
		switch f.Kind {
		case convertflow.Left:
			left = true
			showLines(w, name, text, diag.Diagnostics{{
				Severity: diag.SeverityLevelWarn, StartPos: f.Start, EndPos: f.End, Message: f.Message,
			}})
		case convertflow.Differs:
			fmt.Fprintf(w, "%s: %s (%s): %s\n", f.Start, f.Kind, f.Difference, f.Message)
		default:
			fmt.Fprintf(w, "%s: %s: %s\n", f.Start, f.Kind, f.Message)
		}
	}
	return left
}

// explainFlow shows the lines that are no configuration, if err is about such.
func explainFlow(w io.Writer, name string, text []byte, err error) error {
	var list diag.Diagnostics
	if !errors.As(err, &list) {
		return fmt.Errorf("cannot convert %q: %w", name, err)
	}
	showLines(w, name, text, list)
	return fmt.Errorf("cannot convert %q: it is not a configuration", name)
}

func showLines(w io.Writer, name string, text []byte, list diag.Diagnostics) {
	printer := diag.NewPrinter(diag.PrinterConfig{Color: !color.NoColor, ContextLinesBefore: 1, ContextLinesAfter: 1})
	// A terminal that cannot be written to cannot be told about it either.
	_ = printer.Fprint(w, map[string][]byte{name: text}, list)
	fmt.Fprintln(w)
}
