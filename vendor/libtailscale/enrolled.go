package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"tailscale.com/ipn"
)

// enrolled reports whether dir holds a node that has joined already. Such a
// node starts without a credential: tsnet would spend it on the network before
// it looks at the state, and control refuses a revoked key even from a node
// whose own key is good. Anything unreadable counts as not enrolled; tsnet then
// says what is wrong with it.
func enrolled(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "tailscaled.state"))
	if err != nil {
		return false
	}
	var state map[ipn.StateKey][]byte
	if json.Unmarshal(text, &state) != nil {
		return false
	}
	profile := ipn.StateKey(state[ipn.CurrentProfileStateKey])
	var prefs struct {
		LoggedOut bool
		Config    struct{ PrivateNodeKey string }
	}
	if profile == "" || json.Unmarshal(state[profile], &prefs) != nil {
		return false
	}
	hex, ok := strings.CutPrefix(prefs.Config.PrivateNodeKey, "privkey:")
	return ok && strings.Trim(hex, "0") != "" && !prefs.LoggedOut
}
