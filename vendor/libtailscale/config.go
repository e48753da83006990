package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
)

// config is what the host says once, at start. An unknown field is an error: a
// credential with a misspelled name must not silently become an open login.
type config struct {
	// Dir holds the node's state and certificates. The host locks it; two
	// processes on one directory fight over one node key.
	Dir        string `json:"dir"`
	Hostname   string `json:"hostname"`
	ControlURL string `json:"control_url"`

	// At most one way to join without a person.
	AuthKey      string `json:"auth_key"`
	ClientSecret string `json:"client_secret"`

	Tags      []string `json:"tags"`
	Ephemeral bool     `json:"ephemeral"`
	// Verbose forwards tsnet's own debugging log as well.
	Verbose bool `json:"verbose"`
	// Resolver, for tests only, is the DNS server that Go's default resolver
	// asks. The ACME client has a resolver of its own, which looks for a TXT
	// record before an order, and asks the system's all the same. It also stops
	// sockets from being bound to an interface: the test's world is loopback.
	Resolver string `json:"resolver"`
}

func parseConfig(text []byte) (config, error) {
	var cfg config
	if err := decodeStrict(text, &cfg); err != nil {
		return config{}, err
	}
	return cfg, cfg.check()
}

func (cfg *config) check() error {
	if cfg.Dir == "" {
		return errors.New("dir is missing")
	}
	if cfg.AuthKey != "" && cfg.ClientSecret != "" {
		return errors.New("give auth_key or client_secret, not both")
	}
	if cfg.oauthSecret() != "" && len(cfg.Tags) == 0 {
		return errors.New("an OAuth client secret needs tags: nodes that join with one are always tagged")
	}
	if cfg.ControlURL != "" {
		u, err := url.Parse(cfg.ControlURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("control_url %q is not an http(s) URL", cfg.ControlURL)
		}
	}
	if cfg.Resolver != "" {
		if _, err := netip.ParseAddrPort(cfg.Resolver); err != nil {
			return fmt.Errorf("resolver: %w", err)
		}
	}
	return nil
}

const oauthPrefix = "tskey-client-"

// oauthSecret is the OAuth client secret, wherever the user put it: tsnet takes
// one in the place of an auth key too.
func (cfg *config) oauthSecret() string {
	if cfg.ClientSecret != "" {
		return cfg.ClientSecret
	}
	if strings.HasPrefix(cfg.AuthKey, oauthPrefix) {
		return cfg.AuthKey
	}
	return ""
}

// credential is what joins the node without a person, or "".
func (cfg *config) credential() string {
	secret := cfg.oauthSecret()
	if secret == "" {
		return cfg.AuthKey
	}
	if strings.Contains(secret, "?") {
		return secret // the user chose the attributes
	}
	// tsnet's defaults would make an ephemeral node that waits for approval.
	return fmt.Sprintf("%s?ephemeral=%t&preauthorized=true", secret, cfg.Ephemeral)
}

// decodeStrict reads exactly one JSON value and nothing else.
func decodeStrict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}
