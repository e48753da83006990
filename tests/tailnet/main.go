// Command tailnet is a whole Tailscale network on loopback: a control server,
// DERP and STUN, an ACME certificate authority, a DNS server, a Funnel relay and
// any number of peers, steered over a small HTTP interface.
//
// It prints one line of JSON when everything is ready and ends when its standard
// input does. README.md lists what it offers.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tailscale.com/types/logger"
)

// closeDeadline bounds the shutdown: a node that hangs in Close must not keep a
// test run from ending.
const closeDeadline = 900 * time.Millisecond

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tailnet:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "state directory (default: a temporary one, removed at exit)")
	domain := flag.String("domain", "offline-test.ts.net", "MagicDNS `suffix` of the tailnet")
	direct := flag.Bool("direct", false, "let this program's own nodes use direct UDP instead of DERP alone")
	verbose := flag.Bool("verbose", false, "log everything to standard error")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	logf := logger.Discard
	if *verbose {
		logf = log.Printf
	} else {
		log.SetOutput(io.Discard)
	}
	if *dir == "" {
		temporary, err := os.MkdirTemp("", "tailnet-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		*dir = temporary
	}

	t, err := Start(ctx, Options{Dir: *dir, Domain: *domain, Direct: *direct, Logf: logf})
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to end before it was ready
		}
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(t.Info); err != nil {
		return err
	}
	<-ctx.Done()

	closed := make(chan struct{})
	go func() {
		t.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeDeadline):
	}
	return nil
}
