package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tailscale.com/net/tsaddr"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/util/dnsname"
)

// relayHost is the host name of the Funnel relay's node.
const relayHost = "funnel-ingress"

// node is what control knows about one node. control.mu guards it.
type node struct {
	id        tailcfg.NodeID
	key       key.NodePublic
	machine   key.MachinePublic
	host      string // as the node says it; policies are found by it
	suffix    int    // tells nodes of the same host name apart, as in roam-1
	info      *tailcfg.Hostinfo
	disco     key.DiscoPublic
	endpoints []netip.AddrPort
	derp      int
	version   tailcfg.CapabilityVersion
	ephemeral bool
	polls     int // open map streams
	created   time.Time
	lastSeen  time.Time
}

func (n *node) stableID() tailcfg.StableNodeID {
	return tailcfg.StableNodeID(fmt.Sprintf("n%05dCNTRL", n.id))
}

// signedNodes holds the addresses of all nodes but the relay, so that one
// constant rule can let them reach each other and not the relay reach them.
var signedNodes = netip.MustParsePrefix("100.64.0.0/16")

// addresses are the node's IPv4 and IPv6 address.
func (n *node) addresses() []netip.Prefix {
	second := byte(64)
	if n.host == relayHost {
		second = 99
	}
	v4 := netip.AddrFrom4([4]byte{100, second, byte(n.id >> 8), byte(n.id)})
	return []netip.Prefix{netip.PrefixFrom(v4, 32), netip.PrefixFrom(tsaddr.Tailscale4To6(v4), 128)}
}

// policy finds or makes the policy of a host name. c.mu is held.
func (c *control) policy(host string) *policy {
	p := c.policies[host]
	if p == nil {
		p = defaultPolicy()
		c.policies[host] = p
	}
	return p
}

// change merges a checked change into a policy and tells every node at once.
func (c *control) change(change policyChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy(change.Host).apply(change)
	c.wake()
}

// lookup finds the node with that key on that machine. c.mu is held.
func (c *control) lookup(k key.NodePublic, machine key.MachinePublic) *node {
	for _, n := range c.nodes {
		if n.key == k && n.machine == machine {
			return n
		}
	}
	return nil
}

// byName finds the node with that DNS name, without final dot. c.mu is held.
func (c *control) byName(name string) *node {
	for _, n := range c.nodes {
		if c.dnsName(n) == name {
			return n
		}
	}
	return nil
}

// adopt takes over what a node says about itself. c.mu is held.
func (c *control) adopt(n *node, info *tailcfg.Hostinfo) {
	if info == nil {
		return
	}
	n.info = info
	if info.NetInfo != nil && info.NetInfo.PreferredDERP != 0 {
		n.derp = info.NetInfo.PreferredDERP
	}
	if info.Hostname == n.host {
		return
	}
	n.host, n.suffix = info.Hostname, 0
	for c.taken(n) {
		n.suffix++
	}
}

func (c *control) taken(n *node) bool {
	for _, other := range c.nodes {
		if other != n && other.host == n.host && other.suffix == n.suffix {
			return true
		}
	}
	return false
}

// dnsName is the node's name without final dot. c.mu is held.
func (c *control) dnsName(n *node) string {
	label := c.policy(n.host).name
	if label == "" {
		label = dnsname.SanitizeHostname(n.host)
	}
	if n.suffix > 0 {
		label = fmt.Sprintf("%s-%d", label, n.suffix)
	}
	return label + "." + c.domain
}

// tags are those of the policy, else those that the node asks for. c.mu is held.
func (c *control) tags(n *node) []string {
	if t := c.policy(n.host).tags; t != nil {
		return t
	}
	if n.info != nil {
		return n.info.RequestTags
	}
	return nil
}

// taggedUser owns every tagged node, as in production.
var taggedUser = tailcfg.UserProfile{ID: 1, LoginName: "tagged-devices", DisplayName: "Tagged Devices"}

// profile is the owner of a node. c.mu is held.
func (c *control) profile(n *node) tailcfg.UserProfile {
	if len(c.tags(n)) > 0 {
		return taggedUser
	}
	login := c.policy(n.host).login
	if c.users[login] == 0 {
		c.users[login] = tailcfg.UserID(1001 + len(c.users))
	}
	return tailcfg.UserProfile{ID: c.users[login], LoginName: login, DisplayName: displayName(login)}
}

func displayName(login string) string {
	name, _, _ := strings.Cut(login, "@")
	return capitalize(name)
}

func capitalize(s string) string {
	first := min(1, len(s))
	return strings.ToUpper(s[:first]) + s[first:]
}

// wire is the node as the netmap shows it. c.mu is held.
func (c *control) wire(n *node) *tailcfg.Node {
	p := c.policy(n.host)
	w := &tailcfg.Node{
		ID: n.id, StableID: n.stableID(), Name: c.dnsName(n) + ".",
		User: c.profile(n).ID, Tags: c.tags(n),
		Key: n.key, Machine: n.machine, DiscoKey: n.disco,
		Addresses: n.addresses(), AllowedIPs: n.addresses(),
		Endpoints: n.endpoints, HomeDERP: n.derp,
		Hostinfo: n.info.View(), Created: n.created, Cap: n.version,
		MachineAuthorized: p.authorized,
	}
	switch {
	case p.keyExpired:
		w.KeyExpiry = n.created
	case len(w.Tags) == 0: // the keys of tagged nodes do not expire
		w.KeyExpiry = n.created.AddDate(0, 6, 0)
	}
	return w
}
