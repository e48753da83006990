package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"tailscale.com/client/local"
	"tailscale.com/client/tailscale/apitype"
	"tailscale.com/tailcfg"
)

type whoisParams struct {
	envelope
	// Address is a peer's "ip" or "ip:port". Never ask about a connection
	// that came over Funnel: the answer would be the relay.
	Address string `json:"address"`
}

type whoisResult struct {
	Node peer `json:"node"`
	// User is null for a tagged node: it acts for no person.
	User *user `json:"user"`
	// Capabilities are the grants of the tailnet's policy to this peer for
	// this node, by name.
	Capabilities tailcfg.PeerCapMap `json:"capabilities"`
}

type peer struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

type user struct {
	ID    tailcfg.UserID `json:"id"`
	Login string         `json:"login"`
}

func (n *node) whois(ctx context.Context, p whoisParams) (whoisResult, error) {
	if !isAddress(p.Address) {
		return whoisResult{}, faultf(kindBadRequest, "address %q is neither ip nor ip:port", p.Address)
	}
	_, lc, err := n.started()
	if err != nil {
		return whoisResult{}, err
	}
	who, err := lc.WhoIs(ctx, p.Address)
	switch {
	case errors.Is(err, local.ErrPeerNotFound):
		return whoisResult{}, faultf(kindNotFound, "%s is not in the tailnet", p.Address)
	case err != nil:
		return whoisResult{}, err
	}
	return introduce(who), nil
}

func isAddress(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(s)
	return err == nil
}

func introduce(who *apitype.WhoIsResponse) whoisResult {
	result := whoisResult{
		Node: peer{
			Name: strings.TrimSuffix(who.Node.Name, "."),
			Tags: append([]string{}, who.Node.Tags...),
		},
		Capabilities: who.CapMap,
	}
	if result.Capabilities == nil {
		result.Capabilities = tailcfg.PeerCapMap{}
	}
	for name, values := range result.Capabilities {
		if values == nil {
			result.Capabilities[name] = []tailcfg.RawMessage{}
		}
	}
	// A tagged node has the synthetic user "tagged-devices", which is nobody.
	if !who.Node.IsTagged() && who.UserProfile != nil {
		u := who.UserProfile
		result.User = &user{ID: u.ID, Login: u.LoginName}
	}
	return result
}
