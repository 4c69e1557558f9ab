// Command demo shows what the distribution makes of container logs: it runs
// build/alloy with an example configuration, delivers the bundled captures to it
// as Amazon Data Firehose would, and prints what they have become.
//
//	go run ./internal/demo          # The demo takes the entries in Loki's place.
//	go run ./internal/demo -loki    # build/loki takes them, and is queried.
//
// It needs no network, stops what it has started, and fails when a figure is not
// what it must be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/grafana/alloy/eks/internal/podlog"
	"github.com/grafana/alloy/eks/internal/process"
)

func main() {
	withLoki := flag.Bool("loki", false, "store the entries in build/loki, and query it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, options{root: ".", loki: *withLoki, width: terminalWidth()})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// terminalWidth is the width of the terminal, or of a wide page when the output
// goes elsewhere.
func terminalWidth() int {
	const page, least = 160, 60
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
		return max(width, least)
	}
	return page
}

// options say how the demo runs.
type options struct {
	root     string // The folder of the repository.
	loki     bool
	receiver string // Where deliveries are taken; empty for the example's place.
	width    int
}

// exampleConfig is the configuration that the demo runs. It is the quick start's,
// but that the entries go to a Loki.
const exampleConfig = "example-configs/quickstart-loki.alloy"

// errFigures is returned when the demo ran and a figure is not what it must be.
var errFigures = errors.New("not every figure is what it must be")

// run runs the demo and prints to w.
func run(ctx context.Context, w io.Writer, o options) error {
	dir, err := os.MkdirTemp("", "alloy-eks-demo-")
	if err != nil {
		return fmt.Errorf("cannot make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	p := page{w, o.width}
	if err := o.chooseReceiver(p); err != nil {
		return err
	}
	to, err := o.destination(ctx, dir)
	if err != nil {
		return err
	}
	defer to.stop()
	a, err := startAlloy(ctx, alloyOptions{
		root: o.root, dir: dir, config: filepath.Join(o.root, filepath.FromSlash(exampleConfig)),
		receiver: o.receiver, env: []string{"LOKI_URL=" + to.pushURL()},
	})
	if err != nil {
		return err
	}
	defer a.End()
	return o.show(ctx, p, a, to)
}

// show delivers the captures, prints what they have become, and checks it.
func (o options) show(ctx context.Context, p page, a *alloy, to destination) error {
	deliveries, err := buildAll(ctx, o.root, a.endpoint)
	if err != nil {
		return err
	}
	outcomes, err := deliver(ctx, a, deliveries, to)
	if err != nil {
		return err
	}
	lines, err := podlog.ReadArchive(filepath.Join(o.root, "testdata", "fluentbit", "input.tar.gz"))
	if err != nil {
		return err
	}
	var problems []string
	for _, out := range outcomes {
		out.compare(lines)
		problems = append(problems, out.problems()...)
	}
	p.introduce(a, to, outcomes)
	if err := p.showTelling(o.root, outcomes); err != nil {
		return err
	}
	p.table(outcomes)
	if l, ok := to.(*loki); ok {
		more, err := p.queryLoki(ctx, a, l, deliveries, outcomes)
		if err != nil {
			return err
		}
		problems = append(problems, more...)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w:\n  %s", errFigures, strings.Join(problems, "\n  "))
	}
	p.printf("\nEvery record was accepted, every entry is stored, none was dropped, and none could not be read.\n")
	return nil
}

// chooseReceiver takes another port when the example's is not free.
func (o *options) chooseReceiver(p page) error {
	if o.receiver != "" || isFree("127.0.0.1:"+examplePort) {
		return nil
	}
	free, err := process.FreeAddresses(1)
	if err != nil {
		return err
	}
	o.receiver = free[0]
	p.printf("127.0.0.1:%s, where the example takes deliveries, is taken by another program: the demo takes them on %s.\n\n", examplePort, o.receiver)
	return nil
}

// destination takes the entries that Alloy writes.
type destination interface {
	// pushURL is where loki.write finds it.
	pushURL() string
	// ofCapture returns the entries of a capture.
	ofCapture(ctx context.Context, capture string) ([]entry, error)
	stop()
}

func (o options) destination(ctx context.Context, dir string) (destination, error) {
	if o.loki {
		return startLoki(ctx, o.root, dir)
	}
	return listenForPushes()
}

func buildAll(ctx context.Context, root, endpoint string) ([]*delivery, error) {
	var all []*delivery
	for _, b := range captures {
		d, err := build(ctx, root, b, endpoint)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// deliver posts the captures, one after the other, and collects what is stored.
func deliver(ctx context.Context, a *alloy, deliveries []*delivery, to destination) ([]*outcome, error) {
	var outcomes []*outcome
	for _, d := range deliveries {
		o, err := d.post(ctx, a)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	if err := a.flushed(ctx); err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		var err error
		if o.entries, err = to.ofCapture(ctx, o.name); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}
