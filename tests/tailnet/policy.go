package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"tailscale.com/tailcfg"
)

// policy is what control decides about the nodes of one host name.
type policy struct {
	login       string
	tags        []string // nil: those the node itself asks for
	https       bool     // certificates and the https attribute
	funnel      bool     // the funnel attribute
	funnelPorts string
	ingress     bool // the relay may deliver here
	authorized  bool // the device is approved
	keyExpired  bool
	name        string                        // first label of the DNS name; "": the host name
	caps        map[string]tailcfg.PeerCapMap // application grants towards this node, by source host
	acme        string
	slowDNS     time.Duration // how long a DNS record takes to publish
}

// What the certificate authority does with orders of a node.
const (
	acmeNormal        = ""
	acmeRateLimited   = "rate-limited"   // 429, as Let's Encrypt says it
	acmeLimitReported = "limit-reported" // the same problem with status 403: the client reports it at once
	acmeFail          = "fail"           // the dns-01 validation fails
)

const operator = "operator@example.com"

func defaultPolicy() *policy {
	return &policy{
		login: operator, https: true, funnel: true, funnelPorts: "443,8443,10000",
		ingress: true, authorized: true, caps: map[string]tailcfg.PeerCapMap{},
	}
}

// policyChange is a change to one policy; what is absent stays as it is.
type policyChange struct {
	Host        string                        `json:"host"`
	Login       *string                       `json:"login"`
	Tags        *[]string                     `json:"tags"`
	HTTPS       *bool                         `json:"https"`
	Funnel      *bool                         `json:"funnel"`
	FunnelPorts *string                       `json:"funnel_ports"`
	Ingress     *bool                         `json:"ingress"`
	Authorized  *bool                         `json:"authorized"`
	KeyExpired  *bool                         `json:"key_expired"`
	Name        *string                       `json:"name"`
	Caps        map[string]tailcfg.PeerCapMap `json:"caps"`
	ACME        *string                       `json:"acme"`
	SlowDNSMs   *int                          `json:"slow_dns_ms"`
}

var (
	ports = regexp.MustCompile(`^\d+(-\d+)?(,\d+(-\d+)?)*$`)
	label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// check says what is wrong with a change.
func (c policyChange) check() error {
	if c.Host == "" {
		return errors.New("host: missing")
	}
	if c.FunnelPorts != nil && !ports.MatchString(*c.FunnelPorts) {
		return fmt.Errorf("funnel_ports: %q is not a list of ports such as 443,8443-8445", *c.FunnelPorts)
	}
	if c.Name != nil && *c.Name != "" && !label.MatchString(*c.Name) {
		return fmt.Errorf("name: %q is not one DNS label", *c.Name)
	}
	if c.ACME != nil {
		switch *c.ACME {
		case acmeNormal, acmeRateLimited, acmeLimitReported, acmeFail:
		default:
			return fmt.Errorf("acme: %q is not one of %q, %q, %q and the empty string",
				*c.ACME, acmeRateLimited, acmeLimitReported, acmeFail)
		}
	}
	return nil
}

// apply merges a checked change into p. Grants are replaced source by source.
func (p *policy) apply(c policyChange) {
	set(&p.login, c.Login)
	set(&p.tags, c.Tags)
	set(&p.https, c.HTTPS)
	set(&p.funnel, c.Funnel)
	set(&p.funnelPorts, c.FunnelPorts)
	set(&p.ingress, c.Ingress)
	set(&p.authorized, c.Authorized)
	set(&p.keyExpired, c.KeyExpired)
	set(&p.name, c.Name)
	set(&p.acme, c.ACME)
	maps.Copy(p.caps, c.Caps)
	if c.SlowDNSMs != nil {
		p.slowDNS = time.Duration(*c.SlowDNSMs) * time.Millisecond
	}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// attributes are the capabilities that a node with this policy has itself.
func (p *policy) attributes() tailcfg.NodeCapMap {
	m := tailcfg.NodeCapMap{
		tailcfg.NodeAttrDisableUPnP:                   nil,
		tailcfg.NodeAttrDisableCaptivePortalDetection: nil,
	}
	if p.https {
		m[tailcfg.CapabilityHTTPS] = nil
	}
	if p.funnel {
		m[tailcfg.NodeAttrFunnel] = nil
		m[tailcfg.CapabilityFunnelPorts+"?ports="+tailcfg.NodeCapability(p.funnelPorts)] = nil
	}
	return m
}
