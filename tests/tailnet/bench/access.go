package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	// idleConnections come from so many addresses, each of which may have 64.
	idleConnections = 1000
	idleSources     = 20
	// floodRequests with a wrong credential come at floodRate, about what 64 connections over a fast line can send: as
	// fast as they can, they would only show that the client's half of the machine is as busy as the server's.
	floodRequests = 10_000
	floodRate     = 1_000
)

// access looks at what strangers cost those who are let in.
func access(ctx context.Context, w *world, t *table) error {
	s := w.roamMCP()
	defer s.stop()
	if err := s.enrol(ctx); err != nil {
		return err
	}
	if err := idle(ctx, w, t, s); err != nil {
		return s.explain(err)
	}
	return s.explain(siege(ctx, w, t, s))
}

// idle opens public connections that have made one request each, and keeps them open. Some of what the node takes
// meanwhile is there from then on, whoever calls: the second row is what it gives back when they close.
func idle(ctx context.Context, w *world, t *table, s *subject) error {
	if err := s.client.funnel.get(ctx, "/health"); err != nil {
		return err
	}
	time.Sleep(w.effort.settle)
	before, err := s.running.memory("VmRSS")
	if err != nil {
		return err
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for source := range idleSources {
		address, err := w.publicFrom(fmt.Sprintf("203.0.113.%d", source+1))
		if err != nil {
			return err
		}
		for range idleConnections / idleSources {
			conn, err := s.kept(ctx, address)
			if err != nil {
				return fmt.Errorf("connection %d: %w", len(open)+1, err)
			}
			open = append(open, conn)
		}
	}
	time.Sleep(w.effort.settle)
	after, err := s.running.memory("VmRSS")
	extra := func(v float64) string { return "+ " + mebibytes(v) }
	if err != nil {
		return err
	}
	t.absolute("1,000 idle public connections", mebibytes(after), "", extra, after-before, atMost(40<<20, extra))
	for _, c := range open {
		c.Close()
	}
	time.Sleep(w.effort.settle)
	closed, err := s.running.memory("VmRSS")
	t.note("the same, when they have closed", mebibytes(closed), "")
	return err
}

// kept is a public connection that has had one answer.
func (s *subject) kept(ctx context.Context, address string) (net.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, s.tlsConfig())
	if _, err := fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: %s\r\n\r\n", s.name); err != nil {
		return nil, err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err == nil && !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
		err = fmt.Errorf("not a good answer: %s", answer[:n])
	}
	return conn, err
}

// siege compares a holder of the token alone with the same beside those who guess: one, whom the node soon holds up, and
// as many as stay below what one may do.
func siege(ctx context.Context, w *world, t *table, s *subject) error {
	token, err := s.token()
	if err != nil {
		return err
	}
	holder, err := s.from("198.51.100.1")
	if err != nil {
		return err
	}
	search := func(ctx context.Context) error { return holder.search(ctx, token, http.StatusOK) }
	turn := floodRequests * time.Second / floodRate
	if w.effort.pairs == 1 {
		turn = w.effort.turn
	}
	quiet, err := latency(ctx, turn, search)
	if err != nil {
		return err
	}
	for _, guessers := range []struct {
		from, network string
		addresses     int
	}{{"one address", "192.0.2", 1}, {"16 addresses", "203.0.113", concurrency}} {
		besieged, err := s.besieged(ctx, guessers.network, guessers.addresses, turn, search)
		if err != nil {
			return err
		}
		t.absolute("holder of a token, p99, beside 1,000 wrong credentials a second from "+guessers.from+" (on the right: alone)",
			microseconds(besieged[1]), microseconds(quiet[1]), times, besieged[1]/quiet[1], atMost(2, times))
	}
	return nil
}

// besieged is the latency of a request while wrong credentials come from so many addresses.
func (s *subject) besieged(ctx context.Context, network string, addresses int, turn time.Duration, r request) ([]float64, error) {
	var guessers []*client
	for i := range addresses {
		guesser, err := s.from(fmt.Sprintf("%s.%d", network, i+1))
		if err != nil {
			return nil, err
		}
		guessers = append(guessers, guesser)
	}
	flooding, stop := context.WithCancel(ctx)
	flooded := make(chan error, 1)
	go func() { flooded <- flood(flooding, guessers) }()
	took, err := latency(ctx, turn, r)
	stop()
	return took, errors.Join(err, <-flooded)
}

// flood sends wrong credentials at floodRate until it is told to stop, over as many connections as there are requests at a
// time elsewhere. They take turns: guessers do not keep time with each other.
func flood(ctx context.Context, guessers []*client) error {
	var next atomic.Int64
	return parallel(concurrency, func() error {
		turn := next.Add(1)
		guesser := guessers[int(turn)%len(guessers)]
		time.Sleep(time.Duration(turn) * time.Second / floodRate)
		tick := time.NewTicker(concurrency * time.Second / floodRate)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			err := guesser.search(ctx, "a wrong one", http.StatusUnauthorized, http.StatusTooManyRequests)
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	})
}

// from is a client on the public internet at that address.
func (s *subject) from(source string) (*client, error) {
	address, err := s.world.publicFrom(source)
	if err != nil {
		return nil, err
	}
	return newClient(s, 1, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}), nil
}

// search calls a tool with a token, and wants one of those statuses.
func (c *client) search(ctx context.Context, token string, wanted ...int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.subject.name+"/mcp", bytes.NewBufferString(searchCall))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	for _, status := range wanted {
		if response.StatusCode == status {
			return nil
		}
	}
	return fmt.Errorf("/mcp: %s", response.Status)
}

// token is what the node has made for public clients.
func (s *subject) token() (string, error) {
	text, err := os.ReadFile(s.dir(".roam-tools.json"))
	if err != nil {
		return "", err
	}
	var file struct {
		HTTP struct{ Token string }
	}
	return file.HTTP.Token, json.Unmarshal(text, &file)
}
