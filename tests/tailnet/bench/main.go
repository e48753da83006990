// Command bench measures roam-mcp against the plainest Go server on a tailnet (../baseline): in one run, on one machine,
// with the same peer. It prints a table of ratios and the bars they are held to; docs/PERFORMANCE.md says what the rows
// mean. Run it by `make bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"syscall"
)

func main() {
	var p programs
	flag.StringVar(&p.tailnet, "tailnet", "", "`program` that is the offline tailnet")
	flag.StringVar(&p.baseline, "baseline", "", "`program` that is the plain Go server")
	flag.StringVar(&p.roamMCP, "roam-mcp", "", "`program` to measure")
	flag.StringVar(&p.benchNode, "bench-node", "", "`program` that is examples/bench_node")
	flag.StringVar(&p.graph, "graph", "", "Roam export that roam-mcp serves")
	quick := flag.Bool("quick", false, "see in seconds that everything works; the figures mean nothing")
	only := flag.String("only", "", "measure only the parts whose name matches this `pattern`")
	write := flag.String("write", "", "replace the figures in this Markdown `file`")
	flag.Parse()
	if err := run(p, *quick, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(p programs, quick bool, only, write string) error {
	if write != "" && (quick || only != "") {
		return errors.New("-write takes the figures of a full run")
	}
	chosen, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	effort := full
	if quick {
		effort = smoke
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A reader who leaves must not end this program before it has ended the others.
	signal.Ignore(syscall.SIGPIPE)

	// The peer is in this process. Its garbage collection would be noise in the figures.
	debug.SetGCPercent(400)
	noise := startNoise()
	t, err := measure(ctx, p, effort, chosen)
	if err != nil {
		return err
	}
	t.conditions = conditions(effort, noise.share())
	fmt.Print(t.text())
	if write != "" {
		return t.writeInto(write)
	}
	return nil
}

func measure(ctx context.Context, p programs, e effort, chosen *regexp.Regexp) (*table, error) {
	w, err := openWorld(ctx, p, e)
	if err != nil {
		return nil, err
	}
	defer w.close()
	t := new(table)
	for _, part := range parts {
		if !chosen.MatchString(part.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring: %s\n", part.name)
		if err := part.measure(ctx, w, t); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return t, nil
}
