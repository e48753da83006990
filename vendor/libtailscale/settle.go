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

// closing reports whether netstack has connections between established and
// closed: what they sent is not acknowledged yet.
func closing(server *tsnet.Server) bool {
	impl, ok := server.Sys().Netstack.Get().(*netstack.Impl)
	if !ok {
		return false
	}
	vars, ok := impl.ExpVar().(interface{ Get(key string) expvar.Var })
	return ok && gauge(vars.Get("gauge_tcp_current_connected")) > gauge(vars.Get("gauge_tcp_current_established"))
}

func gauge(v expvar.Var) int {
	if v == nil {
		return 0
	}
	value, _ := strconv.Atoi(v.String())
	return value
}
