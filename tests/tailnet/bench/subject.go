package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// subject is a server under measurement: one of three programs with a state directory of its own, which it keeps over
// restarts.
type subject struct {
	world   *world
	host    string
	command func(s *subject, authKey string) *exec.Cmd
	ready   string // in a line that it prints when it serves

	name    string // in the tailnet
	address netip.Addr
	running *process
	client  *clients
}

func (w *world) roamMCP() *subject {
	return w.subject("roam", "https://", func(s *subject, key string) *exec.Cmd {
		cmd := exec.Command(w.programs.roamMCP, "up", "--hostname", s.host, "--graph", w.programs.graph,
			"--state-dir", s.dir("state"), "--control-url", w.info.Control, "--tailnet-resolver", w.info.Resolver)
		cmd.Env = append(w.env(s.dir("")), "ROAM_MCP_CONFIG="+w.config)
		if key != "" {
			cmd.Env = append(cmd.Env, "TS_AUTHKEY="+key)
		}
		return cmd
	})
}

func (w *world) benchNode() *subject {
	return w.subject("node", "ready_ms", func(s *subject, key string) *exec.Cmd {
		cmd := s.plain(w.programs.benchNode, key)
		cmd.Args = append(cmd.Args, "-resolver", w.info.Resolver)
		return cmd
	})
}

func (w *world) baseline() *subject {
	return w.subject("baseline", "ready_ms", func(s *subject, key string) *exec.Cmd { return s.plain(w.programs.baseline, key) })
}

// plain is the command line that the baseline and bench_node share.
func (s *subject) plain(program, key string) *exec.Cmd {
	cmd := exec.Command(program, "-control", s.world.info.Control, "-dir", s.dir("state"), "-hostname", s.host)
	if key != "" {
		cmd.Args = append(cmd.Args, "-auth-key", key)
	}
	cmd.Env = s.world.env(s.dir(""))
	return cmd
}

func (w *world) subject(host, ready string, command func(*subject, string) *exec.Cmd) *subject {
	return &subject{world: w, host: host, name: host + "." + w.info.Domain, ready: ready, command: command}
}

func (s *subject) dir(inner string) string { return filepath.Join(s.world.dir, s.host, inner) }

// enrol starts it for the first time and waits until it answers over a direct path.
func (s *subject) enrol(ctx context.Context) error {
	if err := os.MkdirAll(s.dir("state"), 0o700); err != nil {
		return err
	}
	// A subject that another part has used is enrolled already; its key does no harm.
	if err := s.launch(s.world.info.AuthKey); err != nil {
		return err
	}
	var err error
	if s.address, err = s.world.address(ctx, s.host); err != nil {
		return s.explain(err)
	}
	s.client = newClients(s)
	if err := s.answers(ctx); err != nil {
		return s.explain(err)
	}
	if err := s.world.reachDirectly(ctx, s.address); err != nil {
		return s.explain(err)
	}
	// The relay may still look for a node that has been started again where it was before.
	return s.explain(until(ctx, startLimit, func(ctx context.Context) error { return s.client.funnel.get(ctx, "/health") }))
}

// launch starts the process and waits until it says that it serves. Nothing may be sent to it before: WireGuard repeats a
// handshake that got lost only after five seconds.
func (s *subject) launch(key string) (err error) {
	s.running, err = start(s.command(s, key), s.log())
	if err != nil {
		return fmt.Errorf("%s: %w", s.host, err)
	}
	return s.explain(s.running.await(s.ready))
}

// answers waits for the first good answer to a request over the tailnet.
func (s *subject) answers(ctx context.Context) error {
	if err := s.world.reach(ctx, s.address); err != nil {
		return s.explain(err)
	}
	return s.explain(until(ctx, startLimit, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return s.client.h1.get(ctx, "/health")
	}))
}

func (s *subject) stop() {
	if s.client != nil {
		s.client.close()
	}
	if s.running != nil {
		s.running.stop()
		s.running = nil
	}
}

func (s *subject) log() string { return s.dir("log") }

func (s *subject) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w\n%s", s.host, err, tail(s.log()))
}
