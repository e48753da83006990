package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/letsencrypt/pebble/v2/acme"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"tailscale.com/types/logger"
)

type acmeOptions struct {
	resolver string                     // DNS server that dns-01 is validated against
	mode     func(domain string) string // what to do with orders for a domain
	logf     logger.Logf
}

// authority is a running certificate authority.
type authority struct {
	directory string // URL of the ACME directory
	tlsRoot   []byte // PEM; trusts the ACME server itself
	root      []byte // PEM; signs the certificates of nodes

	acmeOptions
	store *db.MemoryStore
	ca    http.Handler
	url   string
}

// pebbleEnv makes Pebble quick and predictable: by default it dawdles, and now
// and then refuses a nonce or reuses an authorization.
var pebbleEnv = map[string]string{
	"PEBBLE_VA_NOSLEEP":      "1",
	"PEBBLE_WFE_NONCEREJECT": "0",
	"PEBBLE_AUTHZREUSE":      "0",
}

// startACME runs Pebble, which validates dns-01 for real.
func startACME(ctx context.Context, o acmeOptions) (*authority, error) {
	for k, v := range pebbleEnv {
		if err := os.Setenv(k, v); err != nil {
			return nil, err
		}
	}
	log := logger.StdLogger(o.logf)
	store := db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {Description: "ninety days"}}
	issuer := ca.New(log, store, "", "ecdsa", 0, 1, profiles)
	validator := va.New(log, 80, 443, false, o.resolver, store)
	front := wfe.New(log, store, validator, issuer, nil, false, false, 1, 1)

	a := &authority{acmeOptions: o, store: store, ca: front.Handler()}
	// Pebble takes for granted that it is reached over https.
	web := httptest.NewUnstartedServer(a)
	web.Config.ErrorLog = log
	web.StartTLS()
	context.AfterFunc(ctx, func() { web.CloseClientConnections(); web.Listener.Close() })

	a.url = web.URL
	a.directory = web.URL + wfe.DirectoryPath
	a.tlsRoot = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	a.root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.GetRootCert(0).DER})
	return a, nil
}

// ServeHTTP puts Pebble right where Tailscale's client needs more than it gives.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/order-plz" {
		switch a.mode(orderedDomain(r)) {
		case acmeRateLimited:
			rateLimited(w, http.StatusTooManyRequests)
			return
		case acmeLimitReported:
			rateLimited(w, http.StatusForbidden)
			return
		}
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/finalize-order/"); ok {
		// Without it the client does not know what to poll.
		w.Header().Set("Location", a.url+"/my-order/"+id)
		a.ca.ServeHTTP(w, r)
		await(r.Context(), func() bool { return a.orderStatus(id) != acme.StatusProcessing })
		return
	}
	a.ca.ServeHTTP(w, r)
	if id, ok := strings.CutPrefix(r.URL.Path, "/chalZ/"); ok {
		await(r.Context(), func() bool { return a.authorizationStatus(id) != acme.StatusPending })
	}
}

// await holds an answer back until Pebble has done what was asked of it, for at
// most a second: a client that finds it unfinished sleeps for that long.
func await(ctx context.Context, done func() bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *authority) orderStatus(id string) string {
	order := a.store.GetOrderByID(id)
	if order == nil {
		return ""
	}
	status, _ := order.GetStatus()
	return status
}

func (a *authority) authorizationStatus(challenge string) string {
	c := a.store.GetChallengeByID(challenge)
	if c == nil {
		return ""
	}
	c.Authz.RLock()
	defer c.Authz.RUnlock()
	return c.Authz.Status
}

// orderedDomain reads the domain out of a signed order and leaves the body as it was.
func orderedDomain(r *http.Request) string {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var signed struct{ Payload string }
	var order struct{ Identifiers []struct{ Value string } }
	if json.Unmarshal(body, &signed) != nil {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	if err != nil || json.Unmarshal(payload, &order) != nil || len(order.Identifiers) == 0 {
		return ""
	}
	return order.Identifiers[0].Value
}

func rateLimited(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "3600")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type":   "urn:ietf:params:acme:error:rateLimited",
		"detail": "too many certificates already issued for this exact set of domains",
		"status": status,
	})
}
