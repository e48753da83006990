package main

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"tailscale.com/tailcfg"
)

// nodeInfo is what GET /nodes tells of one node.
type nodeInfo struct {
	Host           string               `json:"host"`
	Name           string               `json:"name"`
	ID             tailcfg.StableNodeID `json:"id"`
	Addresses      []netip.Addr         `json:"addresses"`
	User           string               `json:"user"`
	Tags           []string             `json:"tags"`
	Online         bool                 `json:"online"` // has a map stream open
	Ephemeral      bool                 `json:"ephemeral"`
	KeyExpired     bool                 `json:"key_expired"`
	IngressEnabled bool                 `json:"ingress_enabled"` // has a Funnel listener
	WireIngress    bool                 `json:"wire_ingress"`
	RequestTags    []string             `json:"request_tags"`
	OS             string               `json:"os"`
	Version        string               `json:"version"`
	App            string               `json:"app"`
	HomeDERP       int                  `json:"home_derp"`
}

// list tells of every node, oldest first.
func (c *control) list() []nodeInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := c.byHost("")
	all := make([]nodeInfo, 0, len(nodes))
	for _, n := range nodes {
		i := nodeInfo{
			RequestTags: []string{},
			Host:        n.host, Name: c.dnsName(n), ID: n.stableID(),
			User: c.profile(n).LoginName, Tags: append([]string{}, c.tags(n)...),
			Online: n.polls > 0, Ephemeral: n.ephemeral,
			KeyExpired: c.policy(n.host).keyExpired, HomeDERP: n.derp,
		}
		for _, a := range n.addresses() {
			i.Addresses = append(i.Addresses, a.Addr())
		}
		if h := n.info; h != nil {
			i.IngressEnabled, i.WireIngress = h.IngressEnabled, h.WireIngress
			i.RequestTags, i.OS, i.Version, i.App = append(i.RequestTags, h.RequestTags...), h.OS, h.IPNVersion, h.App
		}
		all = append(all, i)
	}
	return all
}

// byHost lists the nodes of a host name, or all of them, oldest first. c.mu is held.
func (c *control) byHost(host string) (nodes []*node) {
	for _, n := range c.nodes {
		if host == "" || n.host == host {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.id, b.id) })
	return nodes
}

// nameOf is the DNS name of the newest node of a host name, or "".
func (c *control) nameOf(host string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := c.byHost(host)
	if host == "" || len(nodes) == 0 {
		return ""
	}
	return c.dnsName(nodes[len(nodes)-1])
}

// online reports whether the node of that DNS name has a map stream open.
func (c *control) online(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.byName(name)
	return n != nil && n.polls > 0
}

// awaitOnline waits until a node has a map stream open, or has none; false if ctx
// ends first.
func (c *control) awaitOnline(ctx context.Context, name string, online bool) bool {
	for c.online(name) != online {
		select {
		case <-time.After(pollNetmap):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// remove forgets the nodes of a host name, as an administrator would.
func (c *control) remove(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := c.byHost(host)
	if host == "" {
		return false
	}
	for _, n := range nodes {
		delete(c.nodes, n.id)
	}
	c.wake()
	return len(nodes) > 0
}
