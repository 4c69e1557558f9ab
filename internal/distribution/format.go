package distribution

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
)

const standardInput = "-"

// formatFlags are the flags of `alloy fmt`.
type formatFlags struct {
	write bool
	test  bool
}

func formatCommand() *cobra.Command {
	var flags formatFlags
	cmd := &cobra.Command{
		Use:     "fmt [flags] [file]",
		Aliases: []string{"format"},
		Short:   "Bring a configuration file into the usual layout",
		Long: `Bring a configuration file into the usual layout and print it. Without a file, or with "-", standard input is read.

With --write the file itself is replaced. With --test nothing is printed; the exit status says whether the file has the usual layout.`,
		Args:         cobra.MaximumNArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := standardInput
			if len(args) > 0 {
				name = args[0]
			}
			return formatFile(name, flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVarP(&flags.write, "write", "w", false, "Replace the file")
	cmd.Flags().BoolVarP(&flags.test, "test", "t", false, "Only check, and exit with a non-zero status if the layout is not the usual one")
	cmd.MarkFlagsMutuallyExclusive("write", "test")
	return cmd
}

func formatFile(name string, flags formatFlags, stdin io.Reader, stdout, stderr io.Writer) error {
	if name == standardInput {
		if flags.write {
			return errors.New("cannot write standard input back: --write needs a file")
		}
		content, err := io.ReadAll(stdin)
		if err != nil {
			return fmt.Errorf("cannot read standard input: %w", err)
		}
		formatted, err := format("<stdin>", content, stderr)
		if err != nil {
			return err
		}
		return deliver("<stdin>", content, formatted, flags, stdout)
	}

	// A directory fails here too, with an error that says so.
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("cannot format: %w", err)
	}
	formatted, err := format(name, content, stderr)
	if err != nil {
		return err
	}
	return deliver(name, content, formatted, flags, stdout)
}

// format returns content in the usual layout. It explains to stderr what is wrong with content that is no configuration.
func format(name string, content []byte, stderr io.Writer) ([]byte, error) {
	file, err := parser.ParseFile(name, content)
	if err != nil {
		if (sources{name: content}).explain(stderr, err) {
			return nil, fmt.Errorf("cannot format %q: it is not a configuration", name)
		}
		return nil, fmt.Errorf("cannot format %q: %w", name, err)
	}
	var out bytes.Buffer
	if err := printer.Fprint(&out, file); err != nil {
		return nil, fmt.Errorf("cannot format %q: %w", name, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func deliver(name string, content, formatted []byte, flags formatFlags, stdout io.Writer) error {
	switch {
	case flags.test:
		if !bytes.Equal(content, formatted) {
			return fmt.Errorf("%s does not have the usual layout: `alloy fmt --write` brings it there", name)
		}
		return nil
	case flags.write:
		if bytes.Equal(content, formatted) {
			return nil
		}
		// The file exists, so its mode stays what it is.
		if err := os.WriteFile(name, formatted, 0o644); err != nil {
			return fmt.Errorf("cannot write the formatted file: %w", err)
		}
		return nil
	default:
		_, err := stdout.Write(formatted)
		return err
	}
}
