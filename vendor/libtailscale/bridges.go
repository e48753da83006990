package main

import (
	"net"
	"sync"
	"time"
)

// stallLimit is how long data may wait for a peer that has stopped reading once
// the host has closed its end. A kernel gives up such data too.
const stallLimit = 15 * time.Second

// bridges are the connections that were handed over and have not ended.
type bridges struct {
	stallLimit time.Duration

	mu       sync.Mutex
	open     map[*bridge]struct{}
	sweeping bool
	closed   bool
	ended    *sync.Cond // a bridge has ended
}

func newBridges(stallLimit time.Duration) *bridges {
	b := &bridges{stallLimit: stallLimit, open: map[*bridge]struct{}{}}
	b.ended = sync.NewCond(&b.mu)
	return b
}

func (bs *bridges) count() int {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return len(bs.open)
}

// handOver returns the descriptor that is the host's end of conn from now on.
// After an error conn is still the caller's.
func (bs *bridges) handOver(conn net.Conn) (int, error) {
	theirs, ours, err := socketPair()
	if err != nil {
		return -1, err
	}
	host, err := adoptSocket(ours)
	if err != nil {
		closeDescriptor(theirs)
		return -1, err
	}
	raw, err := host.SyscallConn()
	if err != nil {
		host.Close()
		closeDescriptor(theirs)
		return -1, err
	}
	b := &bridge{tailnet: conn, host: host, raw: raw}
	if !bs.add(b) {
		host.Close()
		closeDescriptor(theirs)
		return -1, net.ErrClosed
	}
	b.pumps.Store(2)
	go bs.run(b, b.toTailnet)
	go bs.run(b, b.fromTailnet)
	return theirs, nil
}

// run is a pump's life. The one that ends last closes both sides; a goroutine
// that waits for them would cost every idle connection a stack.
func (bs *bridges) run(b *bridge, pump func()) {
	pump()
	if b.pumps.Add(-1) == 0 {
		b.tailnet.Close()
		b.host.Close()
		bs.remove(b)
	}
}

func (bs *bridges) add(b *bridge) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.closed {
		return false
	}
	bs.open[b] = struct{}{}
	if !bs.sweeping {
		bs.sweeping = true
		go bs.sweep()
	}
	return true
}

func (bs *bridges) remove(b *bridge) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	delete(bs.open, b)
	bs.ended.Broadcast()
}

// sweep looks after bridges whose two pumps cannot know that the host has left:
// one waits for the peer to read, the other for the peer to send. It runs while
// there are any.
func (bs *bridges) sweep() {
	for {
		time.Sleep(bs.stallLimit / 4)
		bs.mu.Lock()
		if len(bs.open) == 0 {
			bs.sweeping = false
			bs.mu.Unlock()
			return
		}
		var stalled []*bridge
		now := time.Now()
		for b := range bs.open {
			if b.stalledSince(now) >= bs.stallLimit {
				stalled = append(stalled, b)
			}
		}
		bs.mu.Unlock()
		for _, b := range stalled {
			if b.hostGone() {
				b.abort()
			}
		}
	}
}

func (bs *bridges) abortAll() {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for b := range bs.open {
		b.abort()
	}
}

// close aborts what is open, waits for it, and takes no more.
func (bs *bridges) close() {
	bs.mu.Lock()
	bs.closed = true
	bs.mu.Unlock()
	bs.abortAll()
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for len(bs.open) > 0 {
		bs.ended.Wait()
	}
}
