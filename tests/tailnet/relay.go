package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tailscale.com/ipn/ipnstate"
)

// defaultSource stands for the loopback client: nodes want an address that could
// be on the Internet, and this one is reserved for documentation.
var defaultSource = netip.MustParseAddr("203.0.113.7")

// handshakeDeadline bounds how long a client may take to send its ClientHello.
const handshakeDeadline = 10 * time.Second

// reconnectGrace is how long clients wait for a node that control has lost.
const reconnectGrace = 500 * time.Millisecond

// relay is the Funnel relay: a node that the others know as unsigned, so that it
// can reach their ingress and nothing else.
type relay struct {
	*peer
	control *control
}

// entry is a public side of the relay.
type entry struct {
	source netip.Addr // where clients seem to come from
	port   uint16     // which public port they seem to have dialled
	name   string     // the node that is told before they say anything; "" for the one that they name
}

func startRelay(ctx context.Context, ps *peers) (*relay, error) {
	p, err := ps.start(ctx, relayHost)
	return &relay{p, ps.control}, err
}

// open listens on a free loopback port; it returns the address.
func (r *relay) open(ctx context.Context, e entry) (string, error) {
	return listen(ctx, func(c *net.TCPConn) {
		if err := r.deliver(ctx, c, e); err != nil {
			r.server.Logf("relay: %v", err)
			reset(c)
		}
	})
}

// deliver finds the node by the name in the ClientHello and hands the raw
// connection over: TLS ends on the node.
func (r *relay) deliver(ctx context.Context, client *net.TCPConn, e entry) error {
	name, hello := e.name, io.Reader(client)
	if name == "" {
		_ = client.SetReadDeadline(time.Now().Add(handshakeDeadline))
		var err error
		if name, hello, err = serverName(client); err != nil {
			return err
		}
		_ = client.SetReadDeadline(time.Time{})
	}
	if !r.serves(ctx, name) {
		return fmt.Errorf("no node %q is connected to control", name)
	}
	asking, answered := context.WithCancel(ctx)
	go func() {
		defer answered()
		r.control.awaitOnline(asking, name, false)
	}()
	port := client.RemoteAddr().(*net.TCPAddr).AddrPort().Port()
	node, reader, answer, err := r.ingress(asking, ingressRequest{
		name:   name,
		source: netip.AddrPortFrom(e.source, port).String(),
		target: net.JoinHostPort(name, strconv.Itoa(int(e.port))),
	})
	answered()
	if err != nil {
		return err
	}
	if node == nil {
		return fmt.Errorf("%s refused: %d %s", name, answer.Status, answer.Body)
	}
	splice(client, hello, node, reader)
	return nil
}

// serves reports whether the node of that name is connected to control, without
// which nothing is delivered. A node that is just connecting again gets a moment.
func (r *relay) serves(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, reconnectGrace)
	defer cancel()
	return r.control.awaitOnline(ctx, name, true)
}

type ingressRequest struct {
	name   string // DNS name of the node to ask
	source string // ip:port of the client
	target string // host:port that the client dialled
}

// ingressAnswer is the node's answer to one request.
type ingressAnswer struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

// ingress asks a node to take a connection. The connection comes back when the
// node agreed, with a reader that has what was read ahead.
func (r *relay) ingress(ctx context.Context, q ingressRequest) (net.Conn, io.Reader, ingressAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var none ingressAnswer
	api, err := r.peerAPI(ctx, q.name)
	if err != nil {
		return nil, nil, none, err
	}
	c, err := r.server.Dial(ctx, "tcp", api)
	if err != nil {
		return nil, nil, none, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	fmt.Fprintf(c, "POST /v0/ingress HTTP/1.1\r\nHost: %s\r\nTailscale-Ingress-Src: %s\r\nTailscale-Ingress-Target: %s\r\nContent-Length: 0\r\n\r\n",
		api, q.source, q.target)
	reader := bufio.NewReader(c)
	res, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
	if err != nil {
		c.Close()
		return nil, nil, none, err
	}
	answer := ingressAnswer{Status: res.StatusCode}
	if res.StatusCode == http.StatusSwitchingProtocols && stop() {
		return c, reader, answer, nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	c.Close()
	answer.Body = strings.TrimSpace(string(body))
	return nil, nil, answer, nil
}

// peerAPI is the address of a node's PeerAPI.
func (r *relay) peerAPI(ctx context.Context, name string) (string, error) {
	found, err := r.await(ctx, func(s *ipnstate.Status) *ipnstate.PeerStatus {
		for _, n := range s.Peer {
			if strings.TrimSuffix(n.DNSName, ".") == name && n.Relay != "" && len(n.PeerAPIURL) > 0 {
				return n
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("no node %q for Funnel: %w", name, err)
	}
	return strings.TrimPrefix(found.PeerAPIURL[0], "http://"), nil
}

// serverName reads the name that a TLS client asks for. The reader starts again at
// the first byte.
func serverName(c net.Conn) (string, io.Reader, error) {
	var read bytes.Buffer
	var name string
	err := tls.Server(recorder{c, io.TeeReader(c, &read)}, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errPeeked
		},
	}).Handshake()
	if !errors.Is(err, errPeeked) {
		return "", nil, fmt.Errorf("no ClientHello: %w", err)
	}
	return name, io.MultiReader(&read, c), nil
}

var errPeeked = errors.New("the ClientHello was read")

// recorder is a connection that only reads: crypto/tls gets to parse the
// ClientHello and not to answer it.
type recorder struct {
	net.Conn
	reader io.Reader
}

func (r recorder) Read(b []byte) (int, error)  { return r.reader.Read(b) }
func (r recorder) Write(b []byte) (int, error) { return len(b), nil }
