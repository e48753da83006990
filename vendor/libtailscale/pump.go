package main

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stallLimit is how long data may wait for a peer that has stopped reading
	// once the host has closed its end. A kernel gives up such data too.
	stallLimit = 15 * time.Second
	// toTailnetBuffer is only held while there is something to send.
	toTailnetBuffer = 128 << 10
	// fromTailnetBuffer is held by every connection, idle ones too. A TLS
	// record fits.
	fromTailnetBuffer = 17 << 10
)

var (
	toTailnetBuffers   = sync.Pool{New: func() any { b := make([]byte, toTailnetBuffer); return &b }}
	fromTailnetBuffers = sync.Pool{New: func() any { b := make([]byte, fromTailnetBuffer); return &b }}
)

// longAgo is a deadline that unblocks whatever waits.
var longAgo = time.Unix(1, 0)

// bridges are the connections that were handed over and have not ended.
type bridges struct {
	stallLimit time.Duration

	mu       sync.Mutex
	open     map[*bridge]struct{}
	sweeping bool
	closed   bool
	ended    *sync.Cond // a bridge has ended
}

// bridge joins a connection of the tailnet with one end of a socket pair; the
// host has the other end.
type bridge struct {
	tailnet net.Conn
	host    *net.UnixConn
	raw     syscall.RawConn // of host
	// hostShut is set once this side has told the host that no more comes.
	hostShut atomic.Bool
	// writing is when the write to the tailnet in progress began, in
	// nanoseconds since 1970; 0 if none is.
	writing atomic.Int64
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
	var pumps sync.WaitGroup
	pumps.Go(b.toTailnet)
	pumps.Go(b.fromTailnet)
	go func() {
		pumps.Wait()
		b.tailnet.Close()
		b.host.Close()
		bs.remove(b)
	}()
	return theirs, nil
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

// abort unblocks both pumps; they end by themselves. It closes nothing: while
// toTailnet runs inside raw.Read, closing host would wait for it.
func (b *bridge) abort() {
	b.tailnet.SetDeadline(longAgo)
	b.host.SetDeadline(longAgo)
}

func (b *bridge) stalledSince(now time.Time) time.Duration {
	began := b.writing.Load()
	if began == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, began))
}

// toTailnet runs inside one raw.Read for as long as the host sends, which saves
// the poller a turn for each message: with many connections that is a tenth of
// the throughput. The descriptor's read lock is held meanwhile, so nobody may
// close host before this has returned.
func (b *bridge) toTailnet() {
	var failed error
	err := b.raw.Read(func(fd uintptr) (done bool) {
		done, failed = b.drain(int(fd))
		return done
	})
	if err != nil || failed != nil {
		b.abort()
		return
	}
	if closeWrite(b.tailnet) != nil {
		b.abort()
		return
	}
	// The host sends no more, but may still want to receive. Wait until its
	// end is closed: a peer that never answers would be kept for ever, as
	// nothing is ever written to the host that could fail.
	if b.raw.Read(func(fd uintptr) bool { return b.hungUp(int(fd)) }) == nil {
		b.abort()
	}
}

// drain moves what the host has sent; done means that there will be no more,
// or that it cannot be passed on. It reads until there is nothing left rather
// than until a short read: the poller reports edges, and the end of the stream
// can share its edge with the data before it.
func (b *bridge) drain(fd int) (done bool, failed error) {
	buffer := toTailnetBuffers.Get().(*[]byte)
	defer toTailnetBuffers.Put(buffer)
	for {
		n, err := unix.Read(fd, *buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false, nil
		case err == unix.ECONNRESET, n == 0:
			// A reset is a host that has closed without reading everything;
			// all it has sent came before.
			return true, nil
		case err != nil:
			return true, err
		}
		b.writing.Store(time.Now().UnixNano())
		_, err = b.tailnet.Write((*buffer)[:n])
		b.writing.Store(0)
		if err != nil {
			return true, err
		}
	}
}

func (b *bridge) fromTailnet() {
	buffer := fromTailnetBuffers.Get().(*[]byte)
	defer fromTailnetBuffers.Put(buffer)
	for {
		n, err := b.tailnet.Read(*buffer)
		if n > 0 {
			if _, err := b.host.Write((*buffer)[:n]); err != nil {
				// The host has left. What it sent before is still flushed:
				// toTailnet ends after that, or sweep ends it.
				return
			}
		}
		if err == nil {
			continue
		}
		if !isEOF(err) {
			b.abort()
			return
		}
		b.hostShut.Store(true)
		b.host.CloseWrite() // fails only if the host has left
		return
	}
}

// hostGone reports whether the host has closed its end.
func (b *bridge) hostGone() bool {
	gone := true
	if err := b.raw.Control(func(fd uintptr) { gone = b.hungUp(int(fd)) }); err != nil {
		return errors.Is(err, net.ErrClosed)
	}
	return gone
}

func (b *bridge) hungUp(fd int) bool { return peerClosed(fd, b.hostShut.Load()) }

func closeWrite(c net.Conn) error {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}
