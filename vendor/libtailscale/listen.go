package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"tailscale.com/ipn"
	"tailscale.com/tsnet"
)

// The planes a connection can come from. Which one is a fact of the listener
// and of the connection's type; both have to agree.
const (
	viaTailnet = "tailnet"
	viaFunnel  = "funnel"
)

type listenParams struct {
	envelope
	// Listener is chosen by the host, so that it can expect connections
	// before the reply: one may come first.
	Listener int64  `json:"listener"`
	Kind     string `json:"kind"`
	Port     uint16 `json:"port"`
}

type unlistenParams struct {
	envelope
	Listener int64 `json:"listener"`
}

type listener struct {
	id    int64
	via   string
	port  uint16
	inner net.Listener  // nil while it is being opened
	stop  chan struct{} // closed when the host, or close, wants it gone
	done  chan struct{} // closed when no connection comes any more
}

// facts is what the host is told about a connection.
type facts struct {
	Via string `json:"via"`
	// Remote is the peer in the tailnet; for Funnel that is the relay.
	Remote string `json:"remote"`
	// Source is the public client, only for Funnel.
	Source string `json:"source,omitempty"`
}

func (n *node) listen(ctx context.Context, p listenParams) (nothing, error) {
	if p.Kind != viaTailnet && p.Kind != viaFunnel {
		return nothing{}, faultf(kindBadRequest, "unknown kind of listener %q", p.Kind)
	}
	if p.Port == 0 {
		return nothing{}, faultf(kindBadRequest, "port is missing")
	}
	l := &listener{id: p.Listener, via: p.Kind, port: p.Port, stop: make(chan struct{}), done: make(chan struct{})}
	if err := n.reserve(l); err != nil {
		return nothing{}, err
	}
	if err := n.open(ctx, l); err != nil {
		close(l.done)
		n.release(l)
		return nothing{}, err
	}
	return nothing{}, nil
}

// reserve takes the number and the port before tsnet is asked.
func (n *node) reserve(l *listener) error {
	if _, _, err := n.started(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.listeners {
		if other.id == l.id {
			return faultf(kindAddressInUse, "listener %d exists", l.id)
		}
		if other.via == l.via && other.port == l.port {
			return faultf(kindAddressInUse, "listener %d has %s port %d", other.id, l.via, l.port)
		}
	}
	n.listeners[l.id] = l
	return nil
}

func (n *node) release(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[l.id] == l {
		delete(n.listeners, l.id)
	}
}

func (n *node) open(ctx context.Context, l *listener) error {
	server, lc, err := n.started()
	if err != nil {
		return err
	}
	st, err := runningStatus(ctx, lc)
	if err != nil {
		return err
	}
	address := fmt.Sprintf(":%d", l.port)
	var inner net.Listener
	if l.via == viaFunnel {
		if err := checkFunnel(st, l.port); err != nil {
			return err
		}
		inner, err = server.ListenFunnel("tcp", address, tsnet.FunnelOnly())
	} else {
		inner, err = server.Listen("tcp", address)
	}
	switch {
	case err != nil && strings.Contains(err.Error(), "listener already open"):
		return faultf(kindAddressInUse, "%v", err)
	case err != nil:
		return err
	}

	n.mu.Lock()
	kept := n.listeners[l.id] == l && ctx.Err() == nil
	if kept {
		l.inner = inner
		go n.accept(l, inner)
	}
	n.mu.Unlock()
	if !kept { // closed, or given up, while tsnet was at it
		inner.Close()
		return faultf(kindCancelled, "listener %d was given up while it was being opened", l.id)
	}
	return nil
}

// unlisten returns when the last connection of the listener has been announced:
// none comes after the reply. The connections themselves go on.
func (n *node) unlisten(_ context.Context, p unlistenParams) (nothing, error) {
	n.mu.Lock()
	l := n.listeners[p.Listener]
	if l == nil || l.inner == nil {
		n.mu.Unlock()
		return nothing{}, faultf(kindNotFound, "no listener %d", p.Listener)
	}
	delete(n.listeners, p.Listener)
	n.mu.Unlock()
	close(l.stop)
	err := l.inner.Close() // for Funnel, this also tells control
	<-l.done
	return nothing{}, err
}

// abandon marks a listener that ends with its server, and waits for nothing.
func (l *listener) abandon() { close(l.stop) }

// accept hands connections over until the listener ends. It must never wait for
// the host: tsnet drops a connection that is not accepted within a second.
func (n *node) accept(l *listener, inner net.Listener) {
	defer close(l.done)
	var refusals refusals
	for {
		conn, err := inner.Accept()
		if err != nil {
			select {
			case <-l.stop:
			default:
				n.release(l)
				n.out.put(listenerClosedEvent{"listener_closed", l.id, err.Error()})
			}
			return
		}
		if err := n.accepted(l, conn); err != nil {
			conn.Close()
			if kept, ok := refusals.tell(time.Now()); ok {
				n.out.putLog("error", fmt.Sprintf("listener %d: connection refused: %v (%d more since the last of these lines)", l.id, err, kept))
			}
		}
	}
}

// refusalsEvery is how often a listener may log that it refuses connections:
// strangers decide how many there are.
const refusalsEvery = 10 * time.Second

// refusals counts those that were not logged.
type refusals struct {
	told time.Time
	kept int
}

// tell reports whether to log this one, and how many before it were not.
func (r *refusals) tell(now time.Time) (kept int, ok bool) {
	if !r.told.IsZero() && now.Sub(r.told) < refusalsEvery {
		r.kept++
		return 0, false
	}
	kept, r.told, r.kept = r.kept, now, 0
	return kept, true
}

// accepted hands one connection over. On an error the caller closes it.
func (n *node) accepted(l *listener, conn net.Conn) error {
	raw, f, err := identify(conn)
	if err != nil {
		return err
	}
	if f.Via != l.via {
		return fmt.Errorf("it came over the wrong plane, %s", f.Via)
	}
	if n.out.full() {
		return errors.New("too many wait for the host")
	}
	fd, err := n.bridges.handOver(raw)
	if err != nil {
		return err
	}
	n.out.putConnection(connectionEvent{"connection", l.id, fd, f}, func() { unix.Close(fd) })
	return nil
}

// identify finds the raw stream of a connection and where it came from.
func identify(conn net.Conn) (net.Conn, facts, error) {
	// A Funnel listener gives a *tls.Conn that has read nothing yet; TLS ends
	// in the host, so what is below it counts.
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	f := facts{Via: viaTailnet}
	if funnel, ok := conn.(*ipn.FunnelConn); ok {
		if !funnel.Src.IsValid() {
			return nil, facts{}, errors.New("a Funnel connection without a source")
		}
		f.Via, f.Source = viaFunnel, plain(funnel.Src).String()
		conn = funnel.Conn // FunnelConn hides CloseWrite
	}
	remote, err := remoteAddress(conn)
	if err != nil {
		return nil, facts{}, err
	}
	f.Remote = remote.String()
	return conn, f, nil
}

// remoteAddress fails for a peer that left before its address could be asked
// for; there would be nobody to look up.
func remoteAddress(conn net.Conn) (netip.AddrPort, error) {
	a := conn.RemoteAddr()
	if a == nil {
		return netip.AddrPort{}, errors.New("the peer has left")
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("remote address: %w", err)
	}
	return plain(ap), nil
}

// plain is an address as every library reads it: without a zone, which means
// nothing to the host, and IPv4 as IPv4.
func plain(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
