package main

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"tailscale.com/net/tsaddr"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// keepAlive is shorter than the two minutes after which a node gives a silent
// stream up.
const keepAlive = 50 * time.Second

// serveMap takes a node's news about itself, or streams the netmap to it.
func (c *control) serveMap(w http.ResponseWriter, r *http.Request, machine key.MachinePublic, req *tailcfg.MapRequest) {
	c.mu.Lock()
	n := c.lookup(req.NodeKey, machine)
	if n != nil && !req.Stream && !req.ReadOnly {
		n.endpoints, n.disco, n.version = req.Endpoints, req.DiscoKey, req.Version
		c.adopt(n, req.Hostinfo)
		c.wake()
	}
	c.mu.Unlock()
	if n == nil {
		http.Error(w, "node not found", http.StatusNotFound)
		return
	}
	out := frames{w: w, compress: req.Compress == "zstd"}
	if !req.Stream {
		_ = out.send(&tailcfg.MapResponse{})
		return
	}
	c.stream(r.Context(), n, out)
}

// stream sends the netmap, then what changes in it, until ctx ends or the node is
// forgotten.
func (c *control) stream(ctx context.Context, n *node, out frames) {
	changed := make(chan struct{}, 1)
	c.watch(n, changed, +1)
	defer c.watch(n, changed, -1)

	var last sent
	for {
		c.mu.Lock()
		known := c.nodes[n.id] == n
		res := last.update(c.netmap(n), c.shared())
		c.mu.Unlock()
		if !known {
			return
		}
		if res != nil && out.send(res) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(keepAlive):
			if out.send(&tailcfg.MapResponse{KeepAlive: true}) != nil {
				return
			}
		}
	}
}

// watch notes that a stream of n opens (+1) or ends (-1).
func (c *control) watch(n *node, changed chan struct{}, delta int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delta > 0 {
		c.watchers[changed] = true
	} else {
		delete(c.watchers, changed)
	}
	n.polls += delta
	n.lastSeen = time.Now()
	c.wake()
}

// wake has every stream look for changes. c.mu is held.
func (c *control) wake() {
	c.everyone = nil
	for changed := range c.watchers {
		select {
		case changed <- struct{}{}:
		default: // already about to look
		}
	}
}

// shared is a node as all others see it.
type shared struct {
	node *tailcfg.Node
	json string
	user tailcfg.UserProfile
}

// shared lists the nodes as others see them, oldest first. It is worked out once
// after a change, not once for every stream. c.mu is held.
func (c *control) shared() []shared {
	if c.everyone != nil {
		return c.everyone
	}
	for _, n := range c.byHost("") {
		if !c.policy(n.host).authorized {
			continue
		}
		w := c.wire(n)
		online, seen := n.polls > 0, n.lastSeen
		if w.Online = &online; !online {
			w.LastSeen = &seen
		}
		w.UnsignedPeerAPIOnly = n.host == relayHost
		c.everyone = append(c.everyone, shared{w, encode(w), c.profile(n)})
	}
	return c.everyone
}

// netmap is all that n may know, but for its peers. c.mu is held.
func (c *control) netmap(n *node) *tailcfg.MapResponse {
	self := c.wire(n)
	self.CapMap = c.policy(n.host).attributes()
	res := &tailcfg.MapResponse{
		Node:            self,
		DERPMap:         c.derpMap,
		Domain:          "example.com",
		DNSConfig:       &tailcfg.DNSConfig{Proxied: true, Domains: []string{c.domain}},
		CollectServices: "false",
		UserProfiles:    []tailcfg.UserProfile{c.profile(n)},
		PacketFilter:    c.filter(n),
		Debug:           &tailcfg.Debug{DisableLogTail: true},
	}
	if c.policy(n.host).https {
		res.DNSConfig.CertDomains = []string{c.dnsName(n)}
	}
	for _, other := range c.shared() {
		known := func(u tailcfg.UserProfile) bool { return u.ID == other.user.ID }
		if !slices.ContainsFunc(res.UserProfiles, known) {
			res.UserProfiles = append(res.UserProfiles, other.user)
		}
	}
	return res
}

// filter lets every node but the relay reach n. The relay must not be a source of
// such a rule: nodes discard a filter that admits an unsigned peer.
func (c *control) filter(n *node) []tailcfg.FilterRule {
	v6 := netip.PrefixFrom(tsaddr.Tailscale4To6(signedNodes.Addr()), 128-32+signedNodes.Bits())
	rules := []tailcfg.FilterRule{{
		SrcIPs:   []string{signedNodes.String(), v6.String()},
		DstPorts: []tailcfg.NetPortRange{{IP: "*", Ports: tailcfg.PortRangeAny}},
	}}
	p := c.policy(n.host)
	for _, source := range c.byHost("") {
		grant := tailcfg.CapGrant{Dsts: n.addresses()}
		if source.host == relayHost && p.ingress {
			grant.Caps = []tailcfg.PeerCapability{tailcfg.PeerCapabilityIngress}
		} else if caps := p.caps[source.host]; len(caps) > 0 {
			grant.CapMap = caps
		} else {
			continue
		}
		rules = append(rules, tailcfg.FilterRule{SrcIPs: ips(source), CapGrant: []tailcfg.CapGrant{grant}})
	}
	return rules
}

func ips(n *node) (ips []string) {
	for _, a := range n.addresses() {
		ips = append(ips, a.Addr().String())
	}
	return ips
}
