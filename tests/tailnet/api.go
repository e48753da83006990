package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"tailscale.com/util/rands"
)

// api is as much of Tailscale's public API as an OAuth client uses to mint an
// auth key for a tagged node (tailscale.com/api: OAuth, and POST
// /tailnet/{tailnet}/keys).
type api struct {
	keys   *authKeys
	secret string // of the one client there is

	mu     sync.Mutex
	tokens map[string]bool
}

func newAPI(keys *authKeys) *api {
	return &api{keys: keys, secret: "tskey-client-k" + rands.HexString(12) + "-" + rands.HexString(32), tokens: map[string]bool{}}
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /api/v2/oauth/token":
		a.grantToken(w, r)
	case "POST /api/v2/tailnet/-/keys":
		a.createKey(w, r)
	default:
		http.NotFound(w, r)
	}
}

// grantToken is the client credentials grant (RFC 6749, section 4.4). The secret
// names its client, so the client's identifier may be anything.
func (a *api) grantToken(w http.ResponseWriter, r *http.Request) {
	_, secret, basic := r.BasicAuth()
	if !basic {
		secret = r.PostFormValue("client_secret")
	}
	if secret != a.secret || r.PostFormValue("grant_type") != "client_credentials" {
		refuse(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	token := rands.HexString(32)
	a.mu.Lock()
	a.tokens[token] = true
	a.mu.Unlock()
	reply(w, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}

// createKey mints a key that is good for one node with tags.
func (a *api) createKey(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	known := a.tokens[token]
	a.mu.Unlock()
	if !known {
		refuse(w, http.StatusUnauthorized, map[string]string{"message": "API token invalid"})
		return
	}
	var body struct {
		Capabilities struct {
			Devices struct {
				Create struct{ Tags []string } `json:"create"`
			} `json:"devices"`
		} `json:"capabilities"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&body); err != nil || len(body.Capabilities.Devices.Create.Tags) == 0 {
		refuse(w, http.StatusBadRequest, map[string]string{"message": "tailnet-owned auth key must have tags set"})
		return
	}
	reply(w, map[string]string{"id": "k" + rands.HexString(12), "key": a.keys.issue(singleUse)})
}

func refuse(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
