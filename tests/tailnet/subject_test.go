package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/client/tailscale/apitype"
	"tailscale.com/ipn"
	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tsnet"
)

// subject is a plain tsnet node, the kind that the tailnet is made for.
type subject struct {
	*tsnet.Server
	t     *testing.T
	name  string
	local *local.Client
}

var hosts atomic.Int64

// fresh makes a host name that no other test has, nor this one run again.
func fresh(host string) string { return fmt.Sprintf("%s%d", host, hosts.Add(1)) }

// server is a node that has not been started.
func server(t *testing.T, host, dir, authKey string) *tsnet.Server {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	s := &tsnet.Server{
		Hostname: host, Dir: dir, AuthKey: authKey, ControlURL: tailnet.Info.Control,
		Logf: quiet, UserLogf: quiet,
	}
	if os.Getenv("TAILNET_TEST_VERBOSE") != "" {
		s.Logf = func(f string, a ...any) { log.Printf(host+": "+f, a...) }
	}
	return s
}

func quiet(string, ...any) {}

func enrol(t *testing.T, host string) *subject {
	t.Helper()
	s := &subject{Server: server(t, host, "", tailnet.Info.AuthKey), t: t}
	status := s.up()
	s.name = strings.TrimSuffix(status.Self.DNSName, ".")
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *subject) up() *ipnstate.Status {
	s.t.Helper()
	status, err := s.Up(deadline(s.t))
	check(s.t, err)
	s.local, err = s.LocalClient()
	check(s.t, err)
	return status
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve answers TLS connections with a greeting that tells where they came from.
func (s *subject) serve(l net.Listener) {
	s.t.Helper()
	cert, key, err := s.local.CertPair(deadline(s.t), s.name)
	check(s.t, err)
	pair, err := tls.X509KeyPair(cert, key)
	check(s.t, err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			from := c.RemoteAddr().String()
			if f, ok := c.(*ipn.FunnelConn); ok {
				from = f.Src.String()
			}
			go func() {
				defer c.Close()
				secure := tls.Server(c, config)
				body, err := io.ReadAll(secure) // until the client's half-close
				if err == nil {
					fmt.Fprintf(secure, "%s from %s", body, from)
					secure.CloseWrite()
				}
			}()
		}
	}()
}

// who asks the node who is behind an address.
func (s *subject) who(address string) *apitype.WhoIsResponse {
	s.t.Helper()
	w, err := s.local.WhoIs(deadline(s.t), address)
	check(s.t, err)
	return w
}

// talk sends a greeting over TLS, closes its half and reads the answer.
func talk(t *testing.T, address, name string) (string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(tailnet.Info.Roots)
	check(t, err)
	roots.AppendCertsFromPEM(pem)
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: name}}
	c, err := d.DialContext(deadline(t), "tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "hello")
	c.(*tls.Conn).CloseWrite()
	answer, err := io.ReadAll(c)
	return string(answer), err
}

type body = map[string]any

// call posts to the admin interface and returns the answer.
func call(t *testing.T, path string, q body) body {
	t.Helper()
	status, a := try(t, path, q)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %v", path, status, a)
	}
	return a
}

func try(t *testing.T, path string, q body) (int, body) {
	t.Helper()
	j, err := json.Marshal(q)
	check(t, err)
	r, err := http.Post(tailnet.Info.Admin+path, "application/json", bytes.NewReader(j))
	check(t, err)
	defer r.Body.Close()
	var a body
	check(t, json.NewDecoder(r.Body).Decode(&a))
	return r.StatusCode, a
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that another program brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("did not come: %s", what)
		}
	}
}
