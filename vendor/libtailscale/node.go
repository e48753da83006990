package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/tsnet"
)

// closeLimit bounds close. tsnet gives its own parts five seconds each in the
// worst case; normally the whole takes two milliseconds.
const closeLimit = 6 * time.Second

// node is the tsnet server and what hangs on it.
type node struct {
	cfg    config
	out    *outbox
	ctx    context.Context // ends when the node is closed
	cancel context.CancelFunc

	mu        sync.Mutex
	phase     phase
	joined    chan struct{} // closed when an up in progress has ended
	server    *tsnet.Server // nil unless started
	local     *local.Client
	watch     *watch
	listeners map[int64]*listener

	bridges *bridges

	closing    sync.Once
	closeError error
}

type phase int

const (
	phaseIdle phase = iota // also after a failed up
	phaseJoining
	phaseUp
)

func newNode(cfg config, out *outbox) *node {
	n := &node{cfg: cfg, out: out, listeners: map[int64]*listener{}, bridges: newBridges(stallLimit)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// up joins the tailnet and returns when the node is running. Without a
// credential that takes as long as a person takes to log in.
func (n *node) up(ctx context.Context, _ noParams) (status, error) {
	n.mu.Lock()
	switch {
	case n.ctx.Err() != nil:
		n.mu.Unlock()
		return status{}, n.ctx.Err()
	case n.phase == phaseJoining:
		n.mu.Unlock()
		return status{}, faultf(kindBadRequest, "up is in progress")
	case n.phase == phaseUp:
		n.mu.Unlock()
		return status{}, faultf(kindBadRequest, "the node is up already")
	}
	n.phase = phaseJoining
	n.joined = make(chan struct{})
	n.mu.Unlock()

	st, err := n.join(ctx)

	n.mu.Lock()
	n.phase = phaseIdle
	if err == nil {
		n.phase = phaseUp
	}
	close(n.joined)
	n.mu.Unlock()
	return st, err
}

// started returns the server for an operation that needs one, at least on its
// way up.
func (n *node) started() (*tsnet.Server, *local.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.ctx.Err() != nil:
		return nil, nil, n.ctx.Err()
	case n.server == nil:
		return nil, nil, faultf(kindBadRequest, "the node is not started: call up first")
	}
	return n.server, n.local, nil
}

// close ends everything. The order matters: an operation in progress is
// cancelled first, and tsnet's Close must not run beside its Start. It can be
// called more than once; later calls wait for the first.
func (n *node) close() error {
	n.closing.Do(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.cancel()
			n.mu.Lock()
			joining := n.phase == phaseJoining
			joined := n.joined
			n.mu.Unlock()
			if joining {
				<-joined
			}
			n.settle()
			n.tearDown()
			n.bridges.close()
		}()
		select {
		case <-done:
		case <-time.After(closeLimit):
			n.closeError = faultf(kindInternal, "the node did not close within %v", closeLimit)
		}
	})
	return n.closeError
}

// tearDown stops the server; the node can be started again unless it is closed.
func (n *node) tearDown() {
	n.mu.Lock()
	server, watch, listeners := n.server, n.watch, n.listeners
	n.server, n.local, n.watch, n.listeners = nil, nil, nil, map[int64]*listener{}
	n.mu.Unlock()
	if server == nil {
		return
	}
	if watch != nil {
		// An open watch on the IPN bus would hold up Close for five seconds.
		watch.stop()
	}
	n.bridges.abortAll()
	for _, l := range listeners {
		l.abandon()
	}
	if err := server.Close(); err != nil && !errors.Is(err, context.Canceled) {
		n.out.putLog("error", "closing the node: "+err.Error())
	}
	for _, l := range listeners {
		<-l.done
	}
}

// disconnectControl makes control treat the node as gone, so that Funnel and
// peers stop sending new connections while the open ones drain.
func (n *node) disconnectControl(ctx context.Context, _ noParams) (nothing, error) {
	_, lc, err := n.started()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, lc.DisconnectControl(ctx)
}
