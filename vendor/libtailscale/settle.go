package main

import (
	"expvar"
	"strconv"
	"time"

	"tailscale.com/tsnet"
	"tailscale.com/wgengine/netstack"
)

const (
	// settleLimit bounds the wait for peers to acknowledge what was sent to
	// them. One that is there needs a round trip.
	settleLimit = time.Second
	settleCheck = 2 * time.Millisecond
)

// settle waits until the connections that the host has closed are closed in the
// tailnet too: closing the server takes the network stack away, and with it
// whatever is still on its way to a peer, the end of the stream included.
func (n *node) settle() {
	n.mu.Lock()
	server := n.server
	n.mu.Unlock()
	if server == nil {
		return
	}
	deadline := time.Now().Add(settleLimit)
	for (n.bridges.leaving() || closing(server)) && time.Now().Before(deadline) {
		time.Sleep(settleCheck)
	}
}

// leaving reports whether there is a bridge whose host has left.
func (bs *bridges) leaving() bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for b := range bs.open {
		if b.hostGone() {
			return true
		}
	}
	return false
}

// The names under which netstack counts the TCP connections that exist, and those
// of them that are established.
const (
	connectedGauge   = "gauge_tcp_current_connected"
	establishedGauge = "gauge_tcp_current_established"
)

// closing reports whether netstack has connections between established and
// closed: what they sent is not acknowledged yet.
func closing(server *tsnet.Server) bool {
	return gauge(server, connectedGauge) > gauge(server, establishedGauge)
}

// gauge is -1 if there is none of that name.
func gauge(server *tsnet.Server, name string) int {
	impl, ok := server.Sys().Netstack.Get().(*netstack.Impl)
	if !ok {
		return -1
	}
	vars, ok := impl.ExpVar().(interface{ Get(key string) expvar.Var })
	if !ok || vars.Get(name) == nil {
		return -1
	}
	value, err := strconv.Atoi(vars.Get(name).String())
	if err != nil {
		return -1
	}
	return value
}
