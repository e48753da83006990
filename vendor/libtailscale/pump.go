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
	// recordBuffer is held by a connection while it moves something. A TLS
	// record fits.
	recordBuffer = 17 << 10
	// bulkBuffer is for those that send more than that, of which bulkSenders
	// may hold one at a time: who reads slowly holds it for long, and there may
	// be a thousand of them.
	bulkBuffer  = 128 << 10
	bulkSenders = 32
	// idleBuffer is held by every connection that waits for its peer. A small
	// request fits.
	idleBuffer = 2 << 10
)

var (
	recordBuffers = sync.Pool{New: func() any { b := make([]byte, recordBuffer); return &b }}
	bulkBuffers   = sync.Pool{New: func() any { b := make([]byte, bulkBuffer); return &b }}
	bulkPlaces    = make(chan struct{}, bulkSenders)
)

// longAgo is a deadline that unblocks whatever waits.
var longAgo = time.Unix(1, 0)

// bridge joins a connection of the tailnet with one end of a socket pair; the
// host has the other end.
type bridge struct {
	tailnet net.Conn
	host    *net.UnixConn
	raw     syscall.RawConn // of host
	// pumps is how many of the two still run.
	pumps atomic.Int32
	// hostShut is set once this side has told the host that no more comes.
	hostShut atomic.Bool
	// writing is when the write to the tailnet in progress began, in
	// nanoseconds since 1970; 0 if none is.
	writing atomic.Int64
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
	record := recordBuffers.Get().(*[]byte)
	defer recordBuffers.Put(record)
	buffer, bulk := *record, (*[]byte)(nil)
	defer func() {
		if bulk != nil {
			bulkBuffers.Put(bulk)
			<-bulkPlaces
		}
	}()
	for {
		n, err := unix.Read(fd, buffer)
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
		_, err = b.tailnet.Write(buffer[:n])
		b.writing.Store(0)
		if err != nil {
			return true, err
		}
		// What fills a buffer has more behind it.
		if n == len(buffer) && bulk == nil {
			select {
			case bulkPlaces <- struct{}{}:
				bulk = bulkBuffers.Get().(*[]byte)
				buffer = *bulk
			default:
			}
		}
	}
}

func (b *bridge) fromTailnet() {
	small := make([]byte, idleBuffer)
	buffer, large := small, (*[]byte)(nil)
	defer func() {
		if large != nil {
			recordBuffers.Put(large)
		}
	}()
	for {
		n, err := b.tailnet.Read(buffer)
		full := n == len(buffer)
		if n > 0 {
			if _, err := b.host.Write(buffer[:n]); err != nil {
				// The host has left. What it sent before is still flushed:
				// toTailnet ends after that, or sweep ends it.
				return
			}
		}
		// What fills a buffer has more behind it; what does not is the last of it
		// for now.
		if full && large == nil {
			large = recordBuffers.Get().(*[]byte)
			buffer = *large
		} else if n <= idleBuffer && large != nil {
			recordBuffers.Put(large)
			buffer, large = small, nil
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
