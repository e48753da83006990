package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/util/rands"
)

// login is an interactive login that waits for someone to visit its URL.
type login struct {
	done     chan struct{} // closed once approved
	approved bool
}

// register enrols a node, re-registers one that restarts, or says what is missing.
func (c *control) register(ctx context.Context, machine key.MachinePublic, req *tailcfg.RegisterRequest) *tailcfg.RegisterResponse {
	loggedIn := req.Followup != "" && c.awaitLogin(ctx, req.Followup)
	if ctx.Err() != nil {
		return &tailcfg.RegisterResponse{Error: "the node went away"}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.lookup(req.NodeKey, machine)
	if !req.Expiry.IsZero() && req.Expiry.Before(time.Now()) {
		c.logout(n)
		return &tailcfg.RegisterResponse{}
	}
	if n != nil && c.policy(n.host).keyExpired {
		return &tailcfg.RegisterResponse{NodeKeyExpired: true}
	}
	switch {
	case req.Auth != nil && req.Auth.AuthKey != "":
		if err := c.keys.spend(req.Auth.AuthKey, n != nil); err != nil {
			return &tailcfg.RegisterResponse{Error: err.Error()}
		}
	case n == nil && !loggedIn:
		return &tailcfg.RegisterResponse{AuthURL: c.newLogin()}
	}
	if n == nil {
		n = c.enrol(machine, req)
	}
	c.adopt(n, req.Hostinfo)
	c.wake()

	u := c.profile(n)
	return &tailcfg.RegisterResponse{
		User:              tailcfg.User{ID: u.ID, DisplayName: u.DisplayName},
		Login:             tailcfg.Login{ID: tailcfg.LoginID(u.ID), LoginName: u.LoginName, DisplayName: u.DisplayName},
		MachineAuthorized: c.policy(n.host).authorized,
	}
}

// enrol adds a node, or gives a node that renews its key the new one.
func (c *control) enrol(machine key.MachinePublic, req *tailcfg.RegisterRequest) *node {
	if n := c.lookup(req.OldNodeKey, machine); n != nil {
		n.key = req.NodeKey
		c.policy(n.host).keyExpired = false
		return n
	}
	c.lastID++
	n := &node{
		id: c.lastID, key: req.NodeKey, machine: machine, version: req.Version,
		ephemeral: req.Ephemeral, created: time.Now(), lastSeen: time.Now(),
	}
	c.nodes[n.id] = n
	return n
}

// logout forgets an ephemeral node and expires the key of any other.
func (c *control) logout(n *node) {
	switch {
	case n == nil:
		return
	case n.ephemeral:
		delete(c.nodes, n.id)
	default:
		c.policy(n.host).keyExpired = true
	}
	c.wake()
}

func (c *control) newLogin() string {
	path := "/a/" + rands.HexString(14)
	c.logins[path] = &login{done: make(chan struct{})}
	return c.url + path
}

// awaitLogin waits until the login at a URL is approved; false if it never will be.
func (c *control) awaitLogin(ctx context.Context, loginURL string) bool {
	u, err := url.Parse(loginURL)
	if err != nil {
		return false
	}
	c.mu.Lock()
	l := c.logins[u.Path]
	c.mu.Unlock()
	if l == nil {
		return false
	}
	select {
	case <-l.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// approve completes the interactive login at a URL, as its owner would.
func (c *control) approve(loginURL string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, l := range c.logins {
		if strings.HasSuffix(loginURL, path) {
			if !l.approved {
				l.approved = true
				close(l.done)
			}
			return true
		}
	}
	return false
}
