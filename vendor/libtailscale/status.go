package main

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/ipn"
	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tailcfg"
	"tailscale.com/tsnet"
)

// status is the node as the host sees it. Every field is always present.
type status struct {
	State string `json:"state"`
	// Name is the node's name in the tailnet, without the trailing dot. It
	// comes from control: the hostname asked for may have got a suffix.
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	Tags      []string     `json:"tags"`
	// Owner is null for a tagged node.
	Owner       *owner   `json:"owner"`
	Tailnet     string   `json:"tailnet"`
	CertDomains []string `json:"cert_domains"`
	// HTTPS is whether a certificate can be had.
	HTTPS bool `json:"https"`
	// Funnel is whether the tailnet's policy lets this node use Funnel, on
	// FunnelPorts. It needs HTTPS too.
	Funnel      bool       `json:"funnel"`
	FunnelPorts []uint16   `json:"funnel_ports"`
	KeyExpiry   *time.Time `json:"key_expiry"`
	KeyExpired  bool       `json:"key_expired"`
	Online      bool       `json:"online"`
	Health      []warning  `json:"health"`
	// Connections counts the ones handed over and not yet ended.
	Connections int `json:"connections"`
	// LoginURL is where a person logs the node in, or "".
	LoginURL string `json:"login_url"`
}

type owner struct {
	ID    tailcfg.UserID `json:"id"`
	Login string         `json:"login"`
}

type warning struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Text     string `json:"text"`
}

func sortWarnings(list []warning) {
	slices.SortFunc(list, func(a, b warning) int { return cmp.Compare(a.Code, b.Code) })
}

func (n *node) status(ctx context.Context, _ noParams) (status, error) {
	server, lc, err := n.started()
	if err != nil {
		return status{}, err
	}
	return readStatus(ctx, n, server, lc)
}

func readStatus(ctx context.Context, n *node, server *tsnet.Server, lc *local.Client) (status, error) {
	st, err := lc.StatusWithoutPeers(ctx)
	if err != nil {
		return status{}, err
	}
	s := describe(st, time.Now())
	s.Online = isOnline(server)
	s.Health = warnings(server.Sys().HealthTracker.Get().CurrentState())
	s.Connections = n.bridges.count()
	return s, nil
}

// describe is the part of status that comes from tsnet's own.
func describe(st *ipnstate.Status, now time.Time) status {
	s := status{
		State:       st.BackendState,
		Addresses:   append([]netip.Addr{}, st.TailscaleIPs...),
		Tags:        []string{},
		CertDomains: append([]string{}, st.CertDomains...),
		FunnelPorts: []uint16{},
		Health:      []warning{},
		LoginURL:    st.AuthURL,
	}
	if t := st.CurrentTailnet; t != nil {
		s.Tailnet = t.Name
	}
	self := st.Self
	if self == nil {
		return s
	}
	s.Name = strings.TrimSuffix(self.DNSName, ".")
	if self.Tags != nil {
		s.Tags = self.Tags.AppendTo(s.Tags)
	}
	if len(s.Tags) == 0 && self.UserID != 0 {
		s.Owner = &owner{ID: self.UserID, Login: st.User[self.UserID].LoginName}
	}
	s.HTTPS = self.HasCap(tailcfg.CapabilityHTTPS) && len(st.CertDomains) > 0
	s.FunnelPorts = funnelPorts(self)
	s.Funnel = ipn.NodeCanFunnel(self) == nil && len(s.FunnelPorts) > 0
	s.KeyExpiry = self.KeyExpiry
	s.KeyExpired = self.Expired || (self.KeyExpiry != nil && !self.KeyExpiry.IsZero() && self.KeyExpiry.Before(now))
	return s
}

// funnelPorts reads the node attribute that lists them, as ports or ranges:
// https://tailscale.com/cap/funnel-ports?ports=443,8443,10000-10010
func funnelPorts(self *ipnstate.PeerStatus) []uint16 {
	ports := []uint16{}
	for attribute := range self.CapMap {
		u, err := url.Parse(string(attribute))
		if err != nil {
			continue
		}
		list := u.Query().Get("ports")
		u.RawQuery = ""
		if u.String() != string(tailcfg.CapabilityFunnelPorts) {
			continue
		}
		for item := range strings.SplitSeq(list, ",") {
			low, high, isRange := strings.Cut(item, "-")
			if !isRange {
				high = low
			}
			first, err1 := strconv.ParseUint(low, 10, 16)
			last, err2 := strconv.ParseUint(high, 10, 16)
			if err1 != nil || err2 != nil {
				continue
			}
			for port := first; port <= last; port++ {
				ports = append(ports, uint16(port))
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
