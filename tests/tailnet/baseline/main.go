// Command baseline is the plainest MCP-like server on a tailnet: tsnet, net/http and
// crypto/tls, and nothing else. Benchmarks compare against it.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/net/netns"
	"tailscale.com/tsnet"
)

var started = time.Now()

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

func run() error {
	control := flag.String("control", "", "control `URL`")
	authKey := flag.String("auth-key", "", "auth key, needed once")
	dir := flag.String("dir", "", "state directory")
	hostname := flag.String("hostname", "baseline", "host name on the tailnet")
	flag.Parse()
	netns.SetEnabled(false)
	log.SetOutput(io.Discard)

	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	s := &tsnet.Server{
		Dir: *dir, Hostname: *hostname, AuthKey: *authKey, ControlURL: *control,
		UserLogf: func(string, ...any) {},
	}
	defer s.Close()
	status, err := s.Up(ctx)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(status.Self.DNSName, ".")
	lc, err := s.LocalClient()
	if err != nil {
		return err
	}
	config, err := tlsConfig(ctx, lc, name)
	if err != nil {
		return err
	}
	tailnet, err := s.Listen("tcp", ":443")
	if err != nil {
		return err
	}
	funnel, err := s.ListenFunnel("tcp", ":443", tsnet.FunnelOnly(), tsnet.FunnelTLSConfig(config))
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(tls.NewListener(tailnet, config))
	go web.Serve(funnel)

	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"name": name, "pid": os.Getpid(), "ready_ms": time.Since(started).Milliseconds(),
	}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// tlsConfig has the node's certificate, fetched once: tsnet's own asks for it at
// every handshake.
func tlsConfig(ctx context.Context, lc *local.Client, name string) (*tls.Config, error) {
	cert, key, err := lc.CertPair(ctx, name)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}, nil
}

// mcpAnswer is about as long as the answer to a small tool call.
const mcpAnswer = `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The service is up. Nothing has failed since it was last asked, and the queue is empty."}],"structuredContent":{"status":"up","queue":0,"failures":0,"since":"2026-01-01T00:00:00Z","version":"1.0.0"},"isError":false}}`

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, mcpAnswer)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	mux.HandleFunc("GET /bulk", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
		if err != nil || n < 0 {
			http.Error(w, "bytes: not a number", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		_, _ = io.CopyN(w, zeros{}, n)
	})
	return mux
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
