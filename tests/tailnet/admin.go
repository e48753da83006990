package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"tailscale.com/ipn/ipnstate"
)

// probeDeadline bounds a dial that is expected to get no answer.
const probeDeadline = time.Second

type empty struct{}

// adminHandler is the interface that tests steer the tailnet with. What it opens
// lives until ctx ends.
func adminHandler(ctx context.Context, t *Tailnet, records *txtServer) http.Handler {
	mux := http.NewServeMux()
	a := admin{Tailnet: t, life: ctx}
	post(mux, "/nodes", a.changeNode)
	mux.HandleFunc("GET /nodes", func(w http.ResponseWriter, _ *http.Request) { reply(w, t.control.list()) })
	post(mux, "/nodes/remove", a.removeNode)
	post(mux, "/peers", a.startPeer)
	post(mux, "/forward", a.forward)
	post(mux, "/public", a.openPublic)
	post(mux, "/ingress", a.probeIngress)
	post(mux, "/relay-dial", a.relayDial)
	post(mux, "/control-links", a.openLink)
	post(mux, "/control-links/{id}", a.setLink)
	post(mux, "/approve", a.approve)
	post(mux, "/keys", a.issueKey)
	mux.HandleFunc("GET /set-dns", func(w http.ResponseWriter, _ *http.Request) { reply(w, records.all()) })
	return mux
}

type admin struct {
	*Tailnet
	life context.Context
}

// request is the body of a call and what its path and connection add.
type request[T any] struct {
	body T
	http *http.Request
}

// post registers a call that takes JSON and answers JSON. A caller's mistake is
// 400, with a sentence.
func post[Q, A any](mux *http.ServeMux, path string, call func(request[Q]) (A, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		q := request[Q]{http: r}
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		d.DisallowUnknownFields()
		err := d.Decode(&q.body)
		var answer A
		if err == nil {
			answer, err = call(q)
		}
		if err != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
			return
		}
		reply(w, answer)
	})
}

func (a admin) changeNode(q request[policyChange]) (empty, error) {
	if err := q.body.check(); err != nil {
		return empty{}, err
	}
	a.control.change(q.body)
	return empty{}, nil
}

func (a admin) removeNode(q request[struct {
	Host string `json:"host"`
}]) (empty, error) {
	if !a.control.remove(q.body.Host) {
		return empty{}, fmt.Errorf("no node %q", q.body.Host)
	}
	return empty{}, nil
}

type peerRequest struct {
	Host  string    `json:"host"`
	Login *string   `json:"login"`
	Tags  *[]string `json:"tags"`
}

type peerAnswer struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
}

func (a admin) startPeer(q request[peerRequest]) (peerAnswer, error) {
	change := policyChange{Host: q.body.Host, Login: q.body.Login, Tags: q.body.Tags}
	if err := change.check(); err != nil {
		return peerAnswer{}, err
	}
	a.control.change(change)
	p, err := a.peers.start(q.http.Context(), q.body.Host)
	if err != nil {
		return peerAnswer{}, err
	}
	return peerAnswer{Name: trimDot(p.status.Self), Addresses: p.status.TailscaleIPs}, nil
}

type addressAnswer struct {
	Address string `json:"address"`
}

func (a admin) forward(q request[struct {
	Peer   string `json:"peer"`
	Target string `json:"target"`
}]) (addressAnswer, error) {
	if _, _, err := net.SplitHostPort(q.body.Target); err != nil {
		return addressAnswer{}, fmt.Errorf("target: %w", err)
	}
	p, err := a.peers.find(q.http.Context(), q.body.Peer)
	if err != nil {
		return addressAnswer{}, err
	}
	address, err := p.forward(a.life, q.body.Target)
	return addressAnswer{address}, err
}

func (a admin) openPublic(q request[struct {
	Source     netip.Addr `json:"source"`
	TargetPort uint16     `json:"target_port"`
	Name       string     `json:"name"`
}]) (addressAnswer, error) {
	e := entry{source: defaultSource, port: 443, name: q.body.Name}
	if q.body.Source.IsValid() {
		e.source = q.body.Source
	}
	if q.body.TargetPort != 0 {
		e.port = q.body.TargetPort
	}
	address, err := a.relay.open(a.life, e)
	return addressAnswer{address}, err
}

func (a admin) probeIngress(q request[struct {
	Host   string `json:"host"`
	Target string `json:"target"`
	Source string `json:"source"`
}]) (ingressAnswer, error) {
	name := a.control.nameOf(q.body.Host)
	if name == "" {
		return ingressAnswer{}, fmt.Errorf("no node %q", q.body.Host)
	}
	c, _, answer, err := a.relay.ingress(q.http.Context(), ingressRequest{name: name, source: q.body.Source, target: q.body.Target})
	if c != nil {
		c.Close()
	}
	return answer, err
}

type dialAnswer struct {
	Connected bool   `json:"connected"`
	Error     string `json:"error"`
}

func (a admin) relayDial(q request[addressAnswer]) (dialAnswer, error) {
	if _, err := netip.ParseAddrPort(q.body.Address); err != nil {
		return dialAnswer{}, fmt.Errorf("address: %w", err)
	}
	ctx, cancel := context.WithTimeout(q.http.Context(), probeDeadline)
	defer cancel()
	c, err := a.relay.server.Dial(ctx, "tcp", q.body.Address)
	if err != nil {
		return dialAnswer{Error: err.Error()}, nil
	}
	c.Close()
	return dialAnswer{Connected: true}, nil
}

type linkAnswer struct {
	ID  int    `json:"id"`
	URL string `json:"url"`
}

func (a admin) openLink(request[empty]) (linkAnswer, error) {
	id, url, err := a.links.open()
	return linkAnswer{id, url}, err
}

func (a admin) setLink(q request[struct {
	Up     *bool `json:"up"`
	Refuse bool  `json:"refuse"`
}]) (empty, error) {
	var id int
	if _, err := fmt.Sscan(q.http.PathValue("id"), &id); err != nil {
		return empty{}, fmt.Errorf("id: %w", err)
	}
	l := a.links.find(id)
	if l == nil {
		return empty{}, fmt.Errorf("no link %d", id)
	}
	switch {
	case q.body.Up == nil:
		return empty{}, errors.New("up: missing")
	case *q.body.Up:
		l.set(linkUp)
	case q.body.Refuse:
		l.set(linkRefused)
	default:
		l.set(linkSilent)
	}
	return empty{}, nil
}

func (a admin) approve(q request[struct {
	URL string `json:"url"`
}]) (empty, error) {
	if !a.control.approve(q.body.URL) {
		return empty{}, fmt.Errorf("no login waits at %q", q.body.URL)
	}
	return empty{}, nil
}

type keyAnswer struct {
	Key string `json:"key"`
}

func (a admin) issueKey(q request[struct {
	Kind keyKind `json:"kind"`
}]) (keyAnswer, error) {
	if !slices.Contains([]keyKind{reusable, singleUse, expired}, q.body.Kind) {
		return keyAnswer{}, fmt.Errorf("kind: %q is not one of %s, %s and %s", q.body.Kind, reusable, singleUse, expired)
	}
	return keyAnswer{a.control.keys.issue(q.body.Kind)}, nil
}

func trimDot(s *ipnstate.PeerStatus) string {
	return s.DNSName[:max(0, len(s.DNSName)-1)]
}
