package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"

	"tailscale.com/tailcfg"
	"tailscale.com/util/zstdframe"
)

// sent remembers, as JSON, what a stream has sent, so that a node hears only of
// what is news to it.
type sent struct {
	started                 bool
	self, dns, users, rules string
	peers                   map[tailcfg.NodeID]string
}

// update reduces a netmap to what is new and adds the peers that are; nil when
// nothing is.
func (s *sent) update(full *tailcfg.MapResponse, everyone []shared) *tailcfg.MapResponse {
	res := &tailcfg.MapResponse{}
	changed := false
	if news(&s.self, encode(full.Node)) {
		res.Node, changed = full.Node, true
	}
	if news(&s.dns, encode(full.DNSConfig)) {
		res.DNSConfig, changed = full.DNSConfig, true
	}
	if news(&s.users, encode(full.UserProfiles)) {
		res.UserProfiles, changed = full.UserProfiles, true
	}
	if news(&s.rules, encode(full.PacketFilter)) {
		res.PacketFilter, changed = full.PacketFilter, true
	}
	now := make(map[tailcfg.NodeID]string, len(everyone))
	for _, p := range everyone {
		if p.node.ID == full.Node.ID {
			continue
		}
		now[p.node.ID] = p.json
		if s.peers[p.node.ID] != p.json {
			res.PeersChanged, changed = append(res.PeersChanged, p.node), true
		}
	}
	for id := range s.peers {
		if now[id] == "" {
			res.PeersRemoved, changed = append(res.PeersRemoved, id), true
		}
	}
	s.peers = now
	if !s.started {
		s.started = true
		full.Peers = res.PeersChanged
		return full
	}
	if !changed {
		return nil
	}
	return res
}

// news stores what is now and says whether it differs from what was.
func news(was *string, now string) bool {
	differs := *was != now
	*was = now
	return differs
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("netmap does not encode: %v", err)) // all of it is tailcfg's own
	}
	return string(b)
}

// frames writes the messages of a map response: length, then JSON.
type frames struct {
	w        http.ResponseWriter
	compress bool
}

func (f frames) send(res *tailcfg.MapResponse) error {
	body, err := json.Marshal(res)
	if err != nil {
		return err
	}
	if f.compress {
		body = zstdframe.AppendEncode(nil, body, zstdframe.FastestCompression)
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	if _, err := f.w.Write(append(frame, body...)); err != nil {
		return err
	}
	return http.NewResponseController(f.w).Flush()
}
