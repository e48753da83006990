package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"tailscale.com/client/local"
	"tailscale.com/tsnet"
	"tailscale.com/wgengine/netstack"
)

// join brings the node up: with its state if there is one, with the credential
// only if the state is not enough, and with a person's help if there is no
// credential.
func (n *node) join(ctx context.Context) (status, error) {
	credential := n.cfg.credential()
	if credential == "" {
		return n.attempt(ctx, "", false)
	}
	if enrolled(n.cfg.Dir) {
		st, err := n.attempt(ctx, "", true)
		f, ok := errors.AsType[*fault](err)
		if !ok || (f.Kind != kindLoginRequired && f.Kind != kindAuth) {
			return st, err
		}
		n.out.putLog("info", "the node's key is no longer accepted; joining again with the credential")
	}
	for pause := time.Second; ; pause = min(2*pause, longestPause) {
		st, err := n.attempt(ctx, credential, false)
		if !errors.Is(err, errUnreachable) {
			return st, err
		}
		n.out.putLog("error", fmt.Sprintf("%v; trying again in %v", err, pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return status{}, ctx.Err()
		}
	}
}

// errUnreachable is of a start that needs Tailscale's API, which mints keys for
// OAuth clients, and does not get through to it. Control itself is waited for by
// tsnet.
var errUnreachable = errors.New("no answer from Tailscale's API")

// longestPause is between two such starts.
const longestPause = 30 * time.Second

// attempt starts a server and waits until it runs. If giveUp is set, the need
// for a login ends it instead of being passed on to the host. After an error
// there is no server.
func (n *node) attempt(ctx context.Context, credential string, giveUp bool) (status, error) {
	server := &tsnet.Server{
		Dir:           n.cfg.Dir,
		Hostname:      n.cfg.Hostname,
		ControlURL:    n.cfg.ControlURL,
		AuthKey:       credential, // tsnet tells an OAuth secret by its prefix
		Ephemeral:     n.cfg.Ephemeral,
		AdvertiseTags: n.cfg.Tags,
		UserLogf:      userLog(n.out),
		Logf:          debugLog(n.out, n.cfg.Verbose),
	}
	if err := startServer(ctx, server); err != nil {
		return status{}, err
	}
	lc, err := server.LocalClient()
	if err != nil {
		return status{}, err // cannot happen: the server has started
	}
	// Without OmitAuth every call on macOS runs lsof to look for a token.
	lc = &local.Client{Dial: lc.Dial, OmitAuth: true}

	w := newWatch(n, server, lc, giveUp)
	n.mu.Lock()
	n.server, n.local, n.watch = server, lc, w
	n.mu.Unlock()
	go w.run()

	if err := n.waitRunning(ctx, server, w, giveUp); err != nil {
		n.tearDown()
		return status{}, err
	}
	if err := shortenTimeWait(server); err != nil {
		n.out.putLog("error", "TIME_WAIT stays long: "+err.Error())
	}
	return n.status(ctx, noParams{})
}

// startServer is Start with a context. Close must not run beside Start, which
// can wait long for Tailscale's API when it mints a key.
func startServer(ctx context.Context, server *tsnet.Server) error {
	started := make(chan error, 1)
	go func() { started <- server.Start() }()
	select {
	case err := <-started:
		return startFault(err)
	case <-ctx.Done():
		go func() {
			if <-started == nil {
				server.Close()
			}
		}()
		return ctx.Err()
	}
}

// startFault tells a credential that was refused from one that nobody could be
// asked about.
func startFault(err error) error {
	if err == nil {
		return nil
	}
	if !strings.Contains(err.Error(), "error resolving auth key") {
		return faultf(kindInternal, "%v", err)
	}
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok && answer.Response.StatusCode < 500 {
		return faultf(kindAuth, "%v", err)
	}
	if _, ok := errors.AsType[*url.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	return faultf(kindAuth, "%v", err)
}

func (n *node) waitRunning(ctx context.Context, server *tsnet.Server, w *watch, giveUp bool) error {
	needsLogin := w.needsLogin
	if !giveUp {
		needsLogin = nil // the host has the URL from the event and waits
	}
	select {
	case <-w.running:
	case f := <-w.refused:
		return f
	case url := <-needsLogin:
		return &fault{Kind: kindLoginRequired, Message: "the node has to log in again", URL: url}
	case <-ctx.Done():
		return ctx.Err()
	}
	// Up returns at once now. It wipes the serve configuration of an earlier
	// run, which a kill would have left with Funnel switched on.
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if _, err := server.Up(ctx); err != nil {
		return err
	}
	return nil
}

// timeWait replaces netstack's 60 s. tsnet accepts through a forwarder, so
// netstack silently drops a SYN whose port pair is still in TIME_WAIT; with
// peers' random ports, one in a hundred of quick new connections would stall
// for seconds. How many still do grows with this time and with their rate: of
// five thousand it was seven with 100 ms, and with 5 ms none on one machine and
// two on a faster one. A late FIN is then answered by a reset, when both sides
// are done anyway.
const timeWait = 100 * time.Microsecond

func shortenTimeWait(server *tsnet.Server) error {
	impl, ok := server.Sys().Netstack.Get().(*netstack.Impl)
	if !ok {
		return fmt.Errorf("no netstack")
	}
	option := tcpip.TCPTimeWaitTimeoutOption(timeWait)
	if err := impl.SetTransportProtocolOption(tcp.ProtocolNumber, &option); err != nil {
		return errors.New(err.String())
	}
	return nil
}
