package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/envknob"
	"tailscale.com/ipn/store/mem"
	"tailscale.com/net/netns"
	"tailscale.com/tailcfg"
	"tailscale.com/tsnet"
)

// startLimit is far more than anything here takes to start.
const startLimit = 30 * time.Second

// limits let one caller ask for as much as it can: what holds it back is not to be measured.
const limits = "[limits]\nper_minute = 1000000\nburst = 1000000\nconcurrent = 10000\n"

type programs struct{ tailnet, baseline, roamMCP, benchNode, graph string }

// world is the offline tailnet, the peer in this process that all load comes from, and where subjects keep their state.
type world struct {
	programs programs
	effort   effort
	dir      string
	config   string // of roam-mcp
	tailnet  *process
	info     info
	roots    *x509.CertPool
	peer     *tsnet.Server
	local    *local.Client
}

// info is what the offline tailnet prints when it is ready.
type info struct {
	Control  string            `json:"control"`
	AuthKey  string            `json:"auth_key"`
	Roots    string            `json:"roots"`
	Resolver string            `json:"resolver"`
	Public   string            `json:"public"`
	Admin    string            `json:"admin"`
	Domain   string            `json:"domain"`
	Env      map[string]string `json:"env"`
}

func openWorld(ctx context.Context, p programs, e effort) (_ *world, err error) {
	w := &world{programs: p, effort: e}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "roam-mcp-bench-"); err != nil {
		return w, err
	}
	w.config = filepath.Join(w.dir, "config.toml")
	if err := os.WriteFile(w.config, []byte(limits), 0o600); err != nil {
		return w, err
	}
	if err := w.startTailnet(); err != nil {
		return w, fmt.Errorf("the tailnet: %w", err)
	}
	pem, err := os.ReadFile(w.info.Roots)
	if err != nil {
		return w, err
	}
	w.roots = x509.NewCertPool()
	w.roots.AppendCertsFromPEM(pem)
	if err := w.startPeer(ctx); err != nil {
		return w, fmt.Errorf("the peer: %w", err)
	}
	return w, nil
}

func (w *world) close() {
	if w.peer != nil {
		w.peer.Close()
	}
	if w.tailnet != nil {
		w.tailnet.stop()
	}
	os.RemoveAll(w.dir)
}

func (w *world) startTailnet() (err error) {
	// Direct: what DERP costs would hide what is measured.
	cmd := exec.Command(w.programs.tailnet, "-direct", "-dir", filepath.Join(w.dir, "tailnet"))
	if w.tailnet, err = start(cmd, filepath.Join(w.dir, "tailnet.log")); err != nil {
		return err
	}
	return json.NewDecoder(w.tailnet.out).Decode(&w.info)
}

func (w *world) startPeer(ctx context.Context) (err error) {
	for name, value := range w.info.Env {
		envknob.Setenv(name, value)
	}
	netns.SetEnabled(false)
	log.SetOutput(io.Discard)
	// Nothing here may ask the system's resolver.
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.info.Resolver)
	}}
	quiet := func(string, ...any) {}
	w.peer = &tsnet.Server{
		Hostname: "bench-client", Dir: filepath.Join(w.dir, "peer"), Store: new(mem.Store), Ephemeral: true,
		ControlURL: w.info.Control, AuthKey: w.info.AuthKey, Logf: quiet, UserLogf: quiet,
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if _, err := w.peer.Up(ctx); err != nil {
		return err
	}
	w.local, err = w.peer.LocalClient()
	return err
}

// listed is a node as the tailnet's admin interface lists it.
type listed struct {
	Host      string       `json:"host"`
	Addresses []netip.Addr `json:"addresses"`
}

// address waits for a node to join and returns its tailnet address.
func (w *world) address(ctx context.Context, host string) (found netip.Addr, err error) {
	err = until(ctx, startLimit, func(context.Context) error {
		var nodes []listed
		if err := w.admin("/nodes", &nodes); err != nil {
			return err
		}
		for _, n := range nodes {
			if n.Host == host && len(n.Addresses) > 0 {
				found = n.Addresses[0]
				return nil
			}
		}
		return errors.New("it has not joined")
	})
	return found, err
}

func (w *world) admin(path string, answer any) error {
	res, err := http.Get(w.info.Admin + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(answer)
}

// publicFrom opens a public side of the relay whose clients seem to come from source.
func (w *world) publicFrom(source string) (string, error) {
	body, err := json.Marshal(map[string]any{"source": source})
	if err != nil {
		return "", err
	}
	res, err := http.Post(w.info.Admin+"/public", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var opened struct{ Address, Error string }
	if err := json.NewDecoder(res.Body).Decode(&opened); err != nil {
		return "", err
	}
	if opened.Address == "" {
		return "", fmt.Errorf("the relay opens no public side: %s", opened.Error)
	}
	return opened.Address, nil
}

// reach waits until a node answers the peer's pings, which get repeated sooner than anything else.
func (w *world) reach(ctx context.Context, address netip.Addr) error {
	return until(ctx, startLimit, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := w.local.Ping(ctx, address, tailcfg.PingDisco)
		return err
	})
}

// reachDirectly waits until the peer's packets to a node no longer take the way over DERP.
func (w *world) reachDirectly(ctx context.Context, address netip.Addr) error {
	return until(ctx, startLimit, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := w.local.Ping(ctx, address, tailcfg.PingDisco); err != nil {
			return err
		}
		if path, err := w.path(ctx, address); err != nil || path != "" {
			return err
		}
		return errors.New("there is no direct path")
	})
}

// forget waits until the peer no longer believes in its direct path to a node that has ended: for six seconds it would
// send there, and a node that has started again has another port.
func (w *world) forget(ctx context.Context, address netip.Addr) error {
	return until(ctx, startLimit, func(ctx context.Context) error {
		if path, err := w.path(ctx, address); err != nil || path == "" {
			return err
		}
		return errors.New("the old path is still in use")
	})
}

// path is the UDP address that the peer sends to for a node; none if it sends over DERP.
func (w *world) path(ctx context.Context, address netip.Addr) (string, error) {
	status, err := w.local.Status(ctx)
	if err != nil {
		return "", err
	}
	for _, n := range status.Peer {
		if len(n.TailscaleIPs) > 0 && n.TailscaleIPs[0] == address {
			return n.CurAddr, nil
		}
	}
	return "", errors.New("it is not in the netmap")
}

// until tries again every few milliseconds until it works.
func until(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("given up: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// env is the whole environment of a subject.
func (w *world) env(home string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	for name, value := range w.info.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// tail is the end of a log, for errors.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return strings.TrimSpace(string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n"))))
}
