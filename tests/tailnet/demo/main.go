// Command demo shows the main job of roam-mcp on a tailnet that exists on this machine only: it joins, opens Funnel, and
// is called from the public side and from inside the tailnet, by callers who may and by callers who may not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	var programs programs
	flag.StringVar(&programs.tailnet, "tailnet", "", "program that is the offline tailnet")
	flag.StringVar(&programs.roamMCP, "roam-mcp", "", "program to show")
	flag.StringVar(&programs.graph, "graph", "", "Roam export to serve")
	keep := flag.Bool("keep", false, "leave it running until Ctrl-C")
	flag.Parse()
	if err := run(programs, *keep); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func run(programs programs, keep bool) (err error) {
	fmt.Println("A tailnet on this machine: control server, certificate authority, Funnel relay, two users.")
	stage, err := setUp(programs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.tearDown()) }()
	fmt.Printf("\n$ roam-mcp up --hostname roam --graph %s\n%s\n", programs.graph, indent(stage.card))

	if err := play(stage); err != nil {
		return fmt.Errorf("%w\n\nlog of roam-mcp:\n%s", err, stage.log())
	}
	if keep {
		leaveRunning(stage)
	}
	return nil
}

// leaveRunning prints what to try by hand and waits for Ctrl-C.
func leaveRunning(s *stage) {
	fmt.Printf("\nIt goes on running. Try, in another terminal:\n\n")
	for _, by := range []struct{ who, address, url string }{
		{"from the public internet, with the path secret", s.public, s.url(s.secret + "/mcp")},
		{"from the owner's laptop in the tailnet", s.owner, s.url("mcp")},
		{"from another user's laptop: refused", s.other, s.url("mcp")},
	} {
		fmt.Printf("  # %s\n  curl --connect-to %s:443:%s --cacert %s -H 'Content-Type: application/json' \\\n"+
			"    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"search\",\"arguments\":{\"query\":\"frost\"}}}' \\\n"+
			"    %s\n\n", by.who, s.name, by.address, s.roots, by.url)
	}
	fmt.Printf("  # what it says of itself\n  %s status --state-dir %s\n\nCtrl-C ends it.\n", s.programs.roamMCP, s.state)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	fmt.Println()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n    ")
}
