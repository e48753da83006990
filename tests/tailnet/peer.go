package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tailscale.com/ipn/ipnstate"
	"tailscale.com/ipn/store/mem"
	"tailscale.com/tsnet"
	"tailscale.com/types/logger"
	"tailscale.com/util/dnsname"
)

// patience bounds how long a peer waits for something the netmap is about to say.
const patience = 10 * time.Second

// pollNetmap is how often a peer looks at its netmap while it waits.
const pollNetmap = 20 * time.Millisecond

// peers are the nodes that run inside this process, by host name.
type peers struct {
	control *control
	dir     string // parent of the peers' directories
	key     string
	logf    logger.Logf

	mu    sync.Mutex
	known map[string]*peer
}

func newPeers(c *control, dir string, logf logger.Logf) *peers {
	return &peers{control: c, dir: dir, key: c.keys.issue(reusable), logf: logf, known: map[string]*peer{}}
}

// peer is a node inside this process.
type peer struct {
	server *tsnet.Server
	up     chan struct{} // closed once status or err is set
	status *ipnstate.Status
	err    error
}

// start brings the peer of that host name up, once, and waits for it.
func (ps *peers) start(ctx context.Context, host string) (*peer, error) {
	ps.mu.Lock()
	p := ps.known[host]
	if p == nil {
		p = &peer{
			server: &tsnet.Server{
				Hostname: host, ControlURL: ps.control.url, AuthKey: ps.key,
				Store: new(mem.Store), Ephemeral: true,
				Dir:  filepath.Join(ps.dir, "node-"+dnsname.SanitizeHostname(host)),
				Logf: ps.logf, UserLogf: ps.logf,
			},
			up: make(chan struct{}),
		}
		ps.known[host] = p
		go p.run()
	}
	ps.mu.Unlock()
	select {
	case <-p.up:
		return p, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// find is the peer of that host name, which must be up.
func (ps *peers) find(ctx context.Context, host string) (*peer, error) {
	ps.mu.Lock()
	known := ps.known[host] != nil
	ps.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("no peer %q: start it with POST /peers", host)
	}
	return ps.start(ctx, host)
}

func (ps *peers) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range ps.known {
		all.Go(func() {
			<-p.up // Close must not race Start
			p.server.Close()
		})
	}
	all.Wait()
}

// run joins the tailnet and waits for a home DERP region: what is sent to a node
// without one is lost, and a lost handshake costs five seconds.
func (p *peer) run() {
	defer close(p.up)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if p.status, p.err = p.server.Up(ctx); p.err != nil {
		return
	}
	_, p.err = p.await(ctx, func(s *ipnstate.Status) *ipnstate.PeerStatus {
		if s.Self.Relay == "" {
			return nil
		}
		return s.Self
	})
}

// await looks at the netmap until find finds something in it.
func (p *peer) await(ctx context.Context, find func(*ipnstate.Status) *ipnstate.PeerStatus) (*ipnstate.PeerStatus, error) {
	local, err := p.server.LocalClient()
	if err != nil {
		return nil, err
	}
	for {
		status, err := local.Status(ctx)
		if err != nil {
			return nil, err
		}
		if found := find(status); found != nil {
			return found, nil
		}
		select {
		case <-time.After(pollNetmap):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// node waits until the netmap has a reachable node of that DNS name.
func (p *peer) node(ctx context.Context, name string) (*ipnstate.PeerStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := p.await(ctx, func(s *ipnstate.Status) *ipnstate.PeerStatus {
		for _, n := range s.Peer {
			if strings.TrimSuffix(n.DNSName, ".") == name && n.Relay != "" && n.Online {
				return n
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("node %q does not show up in the netmap: %w", name, err)
	}
	return found, nil
}

// dial connects to name:port or ip:port inside the tailnet.
func (p *peer) dial(ctx context.Context, target string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		n, err := p.node(ctx, host)
		if err != nil {
			return nil, err
		}
		if len(n.TailscaleIPs) == 0 {
			return nil, errors.New("the node has no address")
		}
		host = n.TailscaleIPs[0].String()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.server.Dial(ctx, "tcp", net.JoinHostPort(host, port))
}

// forward opens a loopback port whose connections this peer dials on to target.
func (p *peer) forward(ctx context.Context, target string) (string, error) {
	return listen(ctx, func(in *net.TCPConn) {
		out, err := p.dial(ctx, target)
		if err != nil {
			p.server.Logf("forward to %s: %v", target, err)
			reset(in)
			return
		}
		splice(in, in, out, out)
	})
}
