package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"tailscale.com/control/controlhttp/controlhttpserver"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"
)

// maxRequest bounds what a node may send; the largest request is a Hostinfo of a
// few kilobytes.
const maxRequest = 1 << 20

// control is the coordination server. It speaks the node's side of the protocol
// that tailcfg documents: the Noise upgrade, then requests over HTTP/2 inside it.
type control struct {
	http.Handler
	url     string
	domain  string
	private key.MachinePrivate
	derpMap *tailcfg.DERPMap
	dns     *txtServer
	keys    authKeys
	logf    logger.Logf

	mu       sync.Mutex
	policies map[string]*policy // by host name
	nodes    map[tailcfg.NodeID]*node
	lastID   tailcfg.NodeID
	users    map[string]tailcfg.UserID // by login name
	logins   map[string]*login         // by path of the login URL
	watchers map[chan struct{}]bool    // one per open map stream
	everyone []shared                  // see shared; nil after a change
}

func newControl(domain string, derpMap *tailcfg.DERPMap, records *txtServer, logf logger.Logf) *control {
	c := &control{
		domain: domain, private: key.NewMachine(), derpMap: derpMap, dns: records, logf: logf,
		policies: map[string]*policy{},
		nodes:    map[tailcfg.NodeID]*node{},
		users:    map[string]tailcfg.UserID{},
		logins:   map[string]*login{},
		watchers: map[chan struct{}]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /key", c.serveKey)
	mux.HandleFunc("/ts2021", c.serveNoise)
	c.Handler = mux
	return c
}

func (c *control) serveKey(w http.ResponseWriter, _ *http.Request) {
	reply(w, tailcfg.OverTLSPublicKeyResponse{PublicKey: c.private.Public()})
}

// serveNoise turns the connection into a Noise channel that proves the machine's
// key, and serves the machine's requests inside it.
func (c *control) serveNoise(w http.ResponseWriter, r *http.Request) {
	conn, err := controlhttpserver.AcceptHTTP(r.Context(), w, r, c.private, nil)
	if err != nil {
		c.logf("control: noise upgrade: %v", err)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { conn.Close() })()
	new(http2.Server).ServeConn(conn, &http2.ServeConnOpts{
		Context: r.Context(),
		Handler: c.machineHandler(conn.Peer()),
	})
}

// machineHandler serves the requests of one machine. What is not listed is
// refused: a node must not be able to end the tailnet by asking for it.
func (c *control) machineHandler(machine key.MachinePublic) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /machine/register", func(w http.ResponseWriter, r *http.Request) {
		var req tailcfg.RegisterRequest
		if decode(w, r, &req) {
			reply(w, c.register(r.Context(), machine, &req))
		}
	})
	mux.HandleFunc("POST /machine/map", func(w http.ResponseWriter, r *http.Request) {
		var req tailcfg.MapRequest
		if decode(w, r, &req) {
			c.serveMap(w, r, machine, &req)
		}
	})
	mux.HandleFunc("POST /machine/set-dns", func(w http.ResponseWriter, r *http.Request) {
		var req tailcfg.SetDNSRequest
		if decode(w, r, &req) {
			c.serveSetDNS(w, r, machine, &req)
		}
	})
	mux.HandleFunc("POST /machine/feature/query", func(w http.ResponseWriter, r *http.Request) {
		var req tailcfg.QueryFeatureRequest
		if decode(w, r, &req) {
			c.serveFeature(w, machine, &req)
		}
	})
	mux.HandleFunc("POST /machine/update-health", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.logf("control: refused %s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	})
	return mux
}

// serveSetDNS publishes the TXT record of an ACME challenge.
func (c *control) serveSetDNS(w http.ResponseWriter, r *http.Request, machine key.MachinePublic, req *tailcfg.SetDNSRequest) {
	c.mu.Lock()
	n := c.lookup(req.NodeKey, machine)
	var name string
	var p policy
	if n != nil {
		name, p = c.dnsName(n), *c.policy(n.host)
	}
	c.mu.Unlock()
	if n == nil || !p.https || req.Type != "TXT" || req.Name != "_acme-challenge."+name {
		http.Error(w, "not an ACME challenge for a certificate domain of this node", http.StatusForbidden)
		return
	}
	select {
	case <-time.After(p.slowDNS):
	case <-r.Context().Done():
		return
	}
	answer := req.Value
	if p.acme == acmeFail {
		answer = "not-" + answer
	}
	c.dns.publish(record{Name: req.Name, Value: req.Value}, answer)
	reply(w, tailcfg.SetDNSResponse{})
}

// serveFeature says where an administrator would enable a feature.
func (c *control) serveFeature(w http.ResponseWriter, machine key.MachinePublic, req *tailcfg.QueryFeatureRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.lookup(req.NodeKey, machine)
	if n == nil {
		http.Error(w, "unknown node", http.StatusForbidden)
		return
	}
	p := c.policy(n.host)
	if p.https && (p.funnel || req.Feature != "funnel") {
		reply(w, tailcfg.QueryFeatureResponse{Complete: true})
		return
	}
	url := "https://login." + c.domain + "/f/" + req.Feature + "?node=" + string(n.stableID())
	reply(w, tailcfg.QueryFeatureResponse{
		Text:       capitalize(req.Feature) + " is not enabled on your tailnet.\nTo enable, visit:\n\n         " + url,
		URL:        url,
		ShouldWait: true,
	})
}

// acmeMode is what the certificate authority is to do with orders for a domain.
func (c *control) acmeMode(domain string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.byName(domain); n != nil {
		return c.policy(n.host).acme
	}
	return acmeNormal
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(io.LimitReader(r.Body, maxRequest)).Decode(into)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
