package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"tailscale.com/envknob"
	"tailscale.com/net/netns"
	"tailscale.com/types/logger"
)

// Options is what a tailnet is started with.
type Options struct {
	Dir    string // where certificates and node state go; must be writable
	Domain string // MagicDNS suffix, such as "offline-test.ts.net"
	Direct bool   // own nodes may use direct UDP, not DERP alone
	Logf   logger.Logf
}

// Info is the line printed when the tailnet is ready: all that a node under test
// and the test itself need.
type Info struct {
	Control  string            `json:"control"`       // control URL
	AuthKey  string            `json:"auth_key"`      // reusable, never expires
	Client   string            `json:"client_secret"` // of an OAuth client, with the API to mint keys from
	ACME     string            `json:"acme"`          // ACME directory URL
	ACMERoot string            `json:"acme_root"`     // PEM file: trusts the ACME server's own TLS
	Roots    string            `json:"roots"`         // PEM file: the CA that signs node certificates
	Resolver string            `json:"resolver"`      // DNS server, UDP and TCP
	Public   string            `json:"public"`        // the relay's public side for port 443
	Admin    string            `json:"admin"`         // base URL of the admin interface
	Domain   string            `json:"domain"`
	Env      map[string]string `json:"env"` // environment that a node process needs
}

// Tailnet is a running tailnet.
type Tailnet struct {
	Info Info

	control *control
	relay   *relay
	peers   *peers
	links   *links
	cancel  context.CancelFunc
}

// nodeEnv keeps a node from reaching for anything that is not on this machine.
var nodeEnv = map[string]string{
	"TS_NO_LOGS_NO_SUPPORT":         "true",
	"TS_ASSUME_NETWORK_UP_FOR_TEST": "1", // only lo is up inside a network namespace
	"TS_PANIC_IF_HIT_MAIN_CONTROL":  "1",
	"TS_DISABLE_PORTMAPPER":         "1",
	"TS_DEBUG_OMIT_LOCAL_ADDRS":     "1", // advertise no interface addresses
	"TS_DEBUG_NEVER_DIRECT_UDP":     "1", // a lost direct handshake costs five seconds
}

// Start brings the whole tailnet up; it is ready when Start returns. ctx bounds the
// wait for that, not the life of the tailnet.
func Start(ctx context.Context, o Options) (*Tailnet, error) {
	env := maps.Clone(nodeEnv)
	if o.Direct {
		delete(env, "TS_DEBUG_NEVER_DIRECT_UDP")
	}
	for k, v := range env {
		envknob.Setenv(k, v)
	}
	// Otherwise UDP sockets are bound to the interface of the default route.
	netns.SetEnabled(false)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}

	// What is started lives until Close, which must find it alive.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &Tailnet{cancel: cancel}
	if err := t.start(ctx, life, o, env); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Tailnet) start(ctx, life context.Context, o Options, env map[string]string) error {
	records, err := startDNS(life)
	if err != nil {
		return fmt.Errorf("dns: %w", err)
	}
	// Nothing in this process may ask the system's resolver.
	net.DefaultResolver = records.resolver()
	derpMap, err := startDERP(life, o.Logf)
	if err != nil {
		return fmt.Errorf("derp: %w", err)
	}
	t.control = newControl(o.Domain, derpMap, records, o.Logf)
	if t.control.url, err = serveHTTP(life, t.control); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	authority, err := startACME(life, acmeOptions{
		resolver: records.addr,
		mode:     t.control.acmeMode,
		logf:     o.Logf,
	})
	if err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	acmeRoot := filepath.Join(o.Dir, "acme-tls.pem")
	if err := os.WriteFile(acmeRoot, authority.tlsRoot, 0o644); err != nil {
		return err
	}
	roots := filepath.Join(o.Dir, "root.pem")
	if err := os.WriteFile(roots, authority.root, 0o644); err != nil {
		return err
	}

	t.peers = newPeers(t.control, o.Dir, o.Logf)
	t.links = newLinks(life, t.control.url)
	if t.relay, err = startRelay(ctx, t.peers); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	public, err := t.relay.open(life, entry{source: defaultSource, port: 443})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	admin, err := serveHTTP(life, adminHandler(life, t, records))
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	client := newAPI(&t.control.keys)
	clientAPI, err := serveHTTP(life, client)
	if err != nil {
		return fmt.Errorf("API: %w", err)
	}

	env["TS_DEBUG_ACME_DIRECTORY_URL"] = authority.directory
	env["SSL_CERT_FILE"] = acmeRoot
	t.Info = Info{
		Control: t.control.url, AuthKey: t.control.keys.issue(reusable),
		Client: client.secret + "?ephemeral=false&preauthorized=true&baseURL=" + url.QueryEscape(clientAPI),
		ACME:   authority.directory, ACMERoot: acmeRoot, Roots: roots,
		Resolver: records.addr, Public: public, Admin: admin,
		Domain: o.Domain, Env: env,
	}
	return nil
}

// Close ends the nodes first, while control is there for them to log out from.
func (t *Tailnet) Close() {
	if t.peers != nil {
		t.peers.close()
	}
	t.cancel()
}

// serveHTTP serves h on a free loopback port until ctx ends; it returns the base URL.
func serveHTTP(ctx context.Context, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { s.Close() })
	go s.Serve(l)
	return "http://" + l.Addr().String(), nil
}
