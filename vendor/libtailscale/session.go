package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tailscale.com/net/netns"
)

// What start returns.
const (
	startOK = 0
	// startBadConfig: the config is not valid; an error event on the control
	// descriptor says why before it is closed.
	startBadConfig = -1
	// startAlreadyRunning: this process has a node. One whose control
	// descriptor is closed and that has finished closing does not count.
	startAlreadyRunning = -2
	// startBadDescriptor: control_fd is not a stream socket.
	startBadDescriptor = -3
	// startPanicked: a bug.
	startPanicked = -4
)

const (
	// maxLine bounds a request; the longest real one is a fraction of it.
	maxLine = 1 << 20
	// farewell is how long the last messages may take to reach the host.
	farewell = time.Second
)

// running is set while the process has a node: Go's default logger, the
// resolver and the memory limit are the process's, and so is the node.
var running atomic.Bool

// session is one host on one control descriptor.
type session struct {
	control net.Conn
	out     *outbox
	node    *node
	answers sync.WaitGroup // requests that are not answered yet
}

// start takes ownership of controlFD, also when it fails.
func start(configJSON []byte, controlFD int) (code int) {
	control, err := adoptSocket(controlFD)
	if err != nil {
		return startBadDescriptor
	}
	cfg, err := parseConfig(configJSON)
	if err != nil {
		refuse(control, "config: "+err.Error())
		return startBadConfig
	}
	if !running.CompareAndSwap(false, true) {
		refuse(control, "this process has a node already")
		return startAlreadyRunning
	}
	defer func() {
		if e := recover(); e != nil {
			refuse(control, fmt.Sprintf("panic: %v", e))
			running.Store(false)
			code = startPanicked
		}
	}()
	out := newOutbox()
	captureLog(out)
	setUpProcess(cfg)
	s := &session{control: control, out: out, node: newNode(cfg, out)}
	go s.run()
	return startOK
}

// refuse tells the host why there is no node, as far as it listens.
func refuse(control net.Conn, why string) {
	control.SetWriteDeadline(time.Now().Add(farewell))
	control.Write(encode(errorEvent{Event: "error", Message: why}))
	control.Close()
}

// tsnetCredentials are read by tsnet when it is given none. The host decides
// what a node joins with: a key left in the environment would be sent on every
// registration, and once it is revoked an enrolled node could not start.
var tsnetCredentials = []string{
	"TS_AUTHKEY", "TS_AUTH_KEY", "TS_CLIENT_SECRET", "TS_CLIENT_ID", "TS_ID_TOKEN", "TS_AUDIENCE",
}

const (
	// memoryLimit, Go's soft limit in bytes, keeps bulk transfers from growing
	// the process to a gigabyte: netstack's buffers are large, and Go returns
	// memory late. With it sixteen parallel 1 MiB downloads stay below 120 MB,
	// and small requests are no slower.
	memoryLimit = 128 << 20
	// gcPercent is how much garbage may gather, in relation to what is in use.
	// After a start some 35 MB count as in use, most of which were never touched
	// and take no memory; as much garbage would take it.
	gcPercent = 30
	// tidyAfter is when a start that needs no person is over. Its garbage is
	// collected then, all at once.
	tidyAfter = time.Second
)

func setUpProcess(cfg config) {
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(-1)
	time.AfterFunc(tidyAfter, func() {
		debug.SetGCPercent(gcPercent)
		debug.FreeOSMemory()
	})
	for _, name := range tsnetCredentials {
		// Only if it is there: this writes to the environment of the C side
		// too, which other threads may be reading.
		if _, ok := os.LookupEnv(name); ok {
			os.Unsetenv(name)
		}
	}
	if cfg.Resolver != "" {
		netns.SetEnabled(false)
		net.DefaultResolver = &net.Resolver{
			PreferGo: true,
			Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, cfg.Resolver)
			},
		}
	}
}

// run serves the host until its end of the control descriptor is closed.
func (s *session) run() {
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.out.write(s.control)
	}()

	if err := s.read(); err != nil {
		s.out.put(errorEvent{Event: "error", Message: err.Error()})
	}
	closed := s.node.close()

	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.answers.Wait()
	}()
	select {
	case <-answered:
	case <-time.After(farewell):
	}
	s.out.close()
	s.control.SetWriteDeadline(time.Now().Add(farewell))
	<-written
	s.control.Close()
	if closed == nil {
		running.Store(false) // a node that did not close in time keeps the place
	}
}

// read hands every request to a goroutine of its own: an answer that takes
// long must not hold up the others.
func (s *session) read() error {
	lines := bufio.NewScanner(s.control)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			s.request(bytes.Clone(line))
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("a request is longer than %d bytes", maxLine)
	}
	return nil
}

func (s *session) request(line []byte) {
	var head envelope
	err := json.Unmarshal(line, &head)
	if err != nil && head.ID == 0 {
		s.out.put(errorEvent{Event: "error", Message: "not a request: " + err.Error()})
		return
	}
	op, known := operations[head.Op]
	switch {
	case err != nil:
		s.out.put(reply{ID: head.ID, Error: faultf(kindBadRequest, "%v", err)})
	case !known:
		s.out.put(reply{ID: head.ID, Error: faultf(kindBadRequest, "unknown op %q", head.Op)})
	default:
		s.answers.Go(func() { s.answer(head.ID, op, line) })
	}
}

func (s *session) answer(id uint64, op operation, line []byte) {
	result, err := op.perform(s.node, line)
	if err != nil {
		s.out.put(reply{ID: id, Error: asFault(err)})
		return
	}
	s.out.put(reply{ID: id, Result: result})
}
