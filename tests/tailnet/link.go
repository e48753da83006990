package main

import (
	"context"
	"net"
	"strings"
	"sync"
)

// links are control URLs that can be cut one by one, so that one node loses its
// control server and no other does.
type links struct {
	ctx     context.Context
	control string // host:port behind every link

	mu  sync.Mutex
	all []*link
}

func newLinks(ctx context.Context, controlURL string) *links {
	return &links{ctx: ctx, control: strings.TrimPrefix(controlURL, "http://")}
}

// open makes a link; its id is its place in the list, from 1.
func (ls *links) open() (id int, url string, err error) {
	l := &link{state: linkUp, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	address, err := listen(ls.ctx, func(c *net.TCPConn) { l.serve(ls.ctx, c, ls.control) })
	if err != nil {
		return 0, "", err
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.all = append(ls.all, l)
	return len(ls.all), "http://" + address, nil
}

// find is the link of that id, or nil.
func (ls *links) find(id int) *link {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if id < 1 || id > len(ls.all) {
		return nil
	}
	return ls.all[id-1]
}

// linkState says what becomes of a link's connections.
type linkState int

const (
	linkUp      linkState = iota
	linkSilent            // new connections wait for the link to come back
	linkRefused           // new connections are reset
)

// link is one way to control.
type link struct {
	mu      sync.Mutex
	state   linkState
	changed chan struct{} // closed when state changes
	conns   map[net.Conn]bool
}

// set cuts or restores the link. The port stays taken all the while, so that
// nothing else can move in.
func (l *link) set(state linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
	if state != linkUp {
		for c := range l.conns {
			c.Close()
		}
	}
}

// admit says what is to become of a connection; it is tracked if the link is up.
func (l *link) admit(c net.Conn) (linkState, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == linkUp {
		l.conns[c] = true
	}
	return l.state, l.changed
}

func (l *link) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *link) serve(ctx context.Context, in *net.TCPConn, control string) {
	for {
		state, changed := l.admit(in)
		if state == linkUp {
			break
		}
		if state == linkRefused {
			reset(in)
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			reset(in)
			return
		}
	}
	defer l.forget(in)
	out, err := net.Dial("tcp", control)
	if err != nil {
		reset(in)
		return
	}
	splice(in, in, out, out)
}
