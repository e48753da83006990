package main

import (
	"fmt"
	"strings"
	"sync"

	"tailscale.com/util/rands"
)

// keyKind says how often an auth key can enrol a node.
type keyKind string

const (
	reusable  keyKind = "reusable"
	singleUse keyKind = "single-use"
	expired   keyKind = "expired"
)

// authKeys are the auth keys that control has issued. The zero value has none.
type authKeys struct {
	mu    sync.Mutex
	known map[string]keyKind
}

// issue makes a key of that kind.
func (k *authKeys) issue(kind keyKind) string {
	secret := "tskey-auth-k" + rands.HexString(12) + "CNTRL-" + rands.HexString(32)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]keyKind{}
	}
	k.known[secret] = kind
	return secret
}

// spend uses a key once. A node that is enrolled already sends its key again at
// every start: then the key need only be known. The words are production's.
func (k *authKeys) spend(secret string, enrolled bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	kind, known := k.known[secret]
	switch {
	case !known:
		return fmt.Errorf("invalid key: API key does not exist")
	case enrolled || kind == reusable:
		return nil
	case kind == singleUse:
		k.known[secret] = expired
		return nil
	default:
		id, _, _ := strings.Cut(strings.TrimPrefix(secret, "tskey-auth-"), "-")
		return fmt.Errorf("invalid key: API key %s not valid", id)
	}
}
