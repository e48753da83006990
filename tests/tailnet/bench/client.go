package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// clients are the ways to call one subject.
type clients struct {
	subject *subject
	h1, h2  *client
	funnel  *client
}

func newClients(s *subject) *clients {
	tailnet := func(ctx context.Context) (net.Conn, error) { return s.dial(ctx) }
	public := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.world.info.Public)
	}
	return &clients{s, newClient(s, 1, tailnet), newClient(s, 2, tailnet), newClient(s, 1, public)}
}

func (s *subject) dial(ctx context.Context) (net.Conn, error) {
	return s.world.peer.Dial(ctx, "tcp", netip.AddrPortFrom(s.address, 443).String())
}

func (s *subject) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: s.world.roots, ServerName: s.name}
}

func (c *clients) close() {
	for _, c := range []*client{c.h1, c.h2, c.funnel} {
		c.transport.CloseIdleConnections()
	}
}

// client speaks one version of HTTP over one way, with TLS that is verified.
type client struct {
	subject   *subject
	version   int
	transport *http.Transport
	dials     atomic.Int64
}

func newClient(s *subject, version int, dial func(context.Context) (net.Conn, error)) *client {
	c := &client{subject: s, version: version}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(version == 1)
	protocols.SetHTTP2(version == 2)
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c.dials.Add(1)
			return dial(ctx)
		},
		TLSClientConfig:     s.tlsConfig(),
		Protocols:           protocols,
		MaxIdleConnsPerHost: concurrency,
		DisableCompression:  true,
	}
	return c
}

func (c *client) get(ctx context.Context, path string) error { return c.do(ctx, path, "") }

// do makes one request, a POST if there is a body, and reads the whole answer.
func (c *client) do(ctx context.Context, path, body string) error {
	method, content := http.MethodGet, io.Reader(nil)
	if body != "" {
		method, content = http.MethodPost, strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+c.subject.name+path, content)
	if err != nil {
		return err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK || response.ProtoMajor != c.version {
		err = fmt.Errorf("%s: %s %s", path, response.Proto, response.Status)
	}
	return err
}

// once makes one request on a connection of its own that the server is told to close, and waits until it has closed it:
// it is the server's side that has to remember the connection for a while.
func (s *subject) once(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	raw, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer raw.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = raw.SetDeadline(deadline)
	}
	secure := tls.Client(raw, s.tlsConfig())
	if _, err := fmt.Fprintf(secure, "GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", s.name); err != nil {
		return err
	}
	answer, err := io.ReadAll(secure)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		return errors.New("not a good answer")
	}
	_, err = io.Copy(io.Discard, raw)
	return err
}
