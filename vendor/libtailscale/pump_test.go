package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// joined is a connection as handed over: the peer's end on loopback TCP, which
// has the half-close and reset of the real thing, and the host's end.
type joined struct {
	peer *net.TCPConn
	host *net.UnixConn
}

type loopback struct {
	t       testing.TB
	ln      net.Listener
	bridges *bridges
}

func newLoopback(t testing.TB, limit time.Duration) *loopback {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &loopback{t: t, ln: ln, bridges: newBridges(limit)}
	t.Cleanup(func() {
		ln.Close()
		l.bridges.close()
	})
	return l
}

func (l *loopback) connect() joined {
	l.t.Helper()
	peer, err := net.Dial("tcp", l.ln.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	conn, err := l.ln.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	fd, err := l.bridges.handOver(conn)
	if err != nil {
		l.t.Fatal(err)
	}
	host, err := adoptSocket(fd)
	if err != nil {
		l.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	peer.SetDeadline(deadline)
	host.SetDeadline(deadline)
	return joined{peer.(*net.TCPConn), host}
}

// ends waits until the bridges have noticed that it is over.
func (l *loopback) ends() {
	l.t.Helper()
	eventually(l.t, "the bridge ends", func() bool { return l.bridges.count() == 0 })
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("never: %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

type halfCloser interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// oneWay sends data and the end of the stream, and returns what arrived.
func oneWay(t *testing.T, from, to halfCloser, data []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(data)
		sent <- errors.Join(err, from.CloseWrite())
	}()
	got, err := io.ReadAll(to)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("%d bytes arrived of %d, or others", len(got), len(data))
	}
}

func TestEachDirectionEndsByItself(t *testing.T) {
	for _, size := range []int{0, 10, 1 << 20, 16 << 20} {
		for _, hostFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, host first %v", size, hostFirst), func(t *testing.T) {
				l := newLoopback(t, stallLimit)
				j := l.connect()
				var first, second halfCloser = j.peer, j.host
				if hostFirst {
					first, second = j.host, j.peer
				}
				oneWay(t, first, second, random(size))
				if l.bridges.count() != 1 {
					t.Fatal("one direction's end ended both")
				}
				oneWay(t, second, first, random(size))
				l.ends()
			})
		}
	}
}

// The poller reports the data and the end behind it as one edge; a pump that
// stopped at a short read would wait for another for ever.
func TestAnEndThatComesWithTheDataIsSeen(t *testing.T) {
	l := newLoopback(t, stallLimit)
	for range 2000 {
		j := l.connect()
		oneWay(t, j.host, j.peer, []byte("0123456789"))
		j.host.Close()
		j.peer.Close()
	}
	l.ends()
}

func TestBothDirectionsAtOnce(t *testing.T) {
	l := newLoopback(t, stallLimit)
	j := l.connect()
	var both sync.WaitGroup
	both.Go(func() { oneWay(t, j.host, j.peer, random(4<<20)) })
	both.Go(func() { oneWay(t, j.peer, j.host, random(4<<20)) })
	both.Wait()
	l.ends()
}

func TestAnAnswerBeforeTheHostClosesIsDelivered(t *testing.T) {
	l := newLoopback(t, stallLimit)
	j := l.connect()
	answer := random(3 << 20)
	go func() {
		j.host.Write(answer)
		j.host.Close()
	}()
	got, err := io.ReadAll(j.peer)
	if err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(answer), err)
	}
	l.ends()
}

func TestAnAnswerIsDeliveredThoughTheHostLeftSomethingUnread(t *testing.T) {
	l := newLoopback(t, stallLimit)
	j := l.connect()
	j.peer.Write([]byte("never read"))
	if n, err := j.host.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	answer := random(1 << 20)
	go func() {
		j.host.Write(answer)
		j.host.Close()
	}()
	got, err := io.ReadAll(j.peer)
	if err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(answer), err)
	}
	l.ends()
}

func TestAResetReachesTheHost(t *testing.T) {
	l := newLoopback(t, stallLimit)
	j := l.connect()
	j.peer.SetLinger(0)
	j.peer.Close()
	if _, err := io.ReadAll(j.host); err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Fatal(err)
	}
	l.ends()
}

func TestAResetReachesAHostThatDoesNotRead(t *testing.T) {
	l := newLoopback(t, stallLimit)
	j := l.connect()
	fill(t, j.peer)
	j.peer.SetLinger(0)
	j.peer.Close()
	eventually(t, "the host learns of it", func() bool {
		_, err := j.host.Write([]byte("x"))
		return err != nil
	})
	l.ends()
}

// fill writes until the other side has taken all it takes without reading.
func fill(t *testing.T, c net.Conn) {
	t.Helper()
	chunk := make([]byte, 64<<10)
	for {
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Write(chunk); errors.Is(err, os.ErrDeadlineExceeded) {
			c.SetWriteDeadline(time.Time{})
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// The pump is blocked in a write to the peer, inside the host descriptor's read
// lock. Neither pump has anything left to wake it.
func TestAStalledPeerIsGivenUpOnceTheHostHasLeft(t *testing.T) {
	l := newLoopback(t, 80*time.Millisecond)
	j := l.connect()
	fill(t, j.host)
	j.host.Close()
	l.ends()
	j.peer.Close()
}

func TestAStalledPeerIsKeptWhileTheHostIsThere(t *testing.T) {
	l := newLoopback(t, 20*time.Millisecond)
	j := l.connect()
	fill(t, j.host)
	time.Sleep(150 * time.Millisecond)
	if l.bridges.count() != 1 {
		t.Fatal("a slow peer was dropped")
	}
	go func() {
		j.host.CloseWrite()
	}()
	if _, err := io.Copy(io.Discard, j.peer); err != nil {
		t.Fatal(err)
	}
	j.peer.Close()
	l.ends()
}

// The other pump fails while the first is blocked in its write.
func TestAFailingPumpFreesTheOneThatIsStalled(t *testing.T) {
	l := newLoopback(t, time.Hour)
	j := l.connect()
	fill(t, j.host)
	j.peer.SetLinger(0)
	j.peer.Close()
	l.ends()
}

func TestCloseFreesStalledBridges(t *testing.T) {
	l := newLoopback(t, time.Hour)
	var all []joined
	for range 4 {
		j := l.connect()
		fill(t, j.host)
		fill(t, j.peer)
		all = append(all, j)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.bridges.close()
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("close hangs")
	}
	if _, err := l.bridges.handOver(all[0].peer); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("a handover after close: %v", err)
	}
	for _, j := range all {
		j.host.Close()
		j.peer.Close()
	}
}

// A peer that neither sends nor closes: only the host's end says that it is over.
func TestASilentPeerIsDroppedWhenTheHostCloses(t *testing.T) {
	l := newLoopback(t, time.Hour)
	j := l.connect()
	j.host.CloseWrite()
	time.Sleep(20 * time.Millisecond)
	if l.bridges.count() != 1 {
		t.Fatal("a half-closed connection was dropped")
	}
	j.host.Close()
	l.ends()
	j.peer.Close()
}

// net.Pipe cannot half-close; the end of one direction then ends both.
func TestAConnectionWithoutHalfCloseEndsWhole(t *testing.T) {
	bs := newBridges(stallLimit)
	inside, outside := net.Pipe()
	fd, err := bs.handOver(inside)
	if err != nil {
		t.Fatal(err)
	}
	host, err := adoptSocket(fd)
	if err != nil {
		t.Fatal(err)
	}
	go host.Write([]byte("hello"))
	if _, err := io.ReadFull(outside, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	host.CloseWrite()
	if _, err := outside.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	eventually(t, "the bridge ends", func() bool { return bs.count() == 0 })
	host.Close()
}

func TestThousandsOfConnectionsLeaveNothingBehind(t *testing.T) {
	l := newLoopback(t, 100*time.Millisecond)
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	ways := []struct {
		name string
		drop func(joined)
	}{
		{"the host closes", func(j joined) { j.host.Close(); j.peer.Read(make([]byte, 1)); j.peer.Close() }},
		{"the peer closes", func(j joined) { j.peer.Close(); j.host.Read(make([]byte, 1)); j.host.Close() }},
		{"the peer resets", func(j joined) { j.peer.SetLinger(0); j.peer.Close(); j.host.Close() }},
		{"the host closes with data on its way", func(j joined) {
			j.peer.Write([]byte("question"))
			j.host.Write([]byte("answer"))
			j.host.Close()
			j.peer.Close()
		}},
		{"both at once", func(j joined) { go j.host.Close(); j.peer.Close() }},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			for range 1000 {
				way.drop(l.connect())
			}
			l.ends()
		})
	}
	eventually(t, "every descriptor is closed", func() bool { return descriptors(t) <= before })
	eventually(t, "every goroutine ends", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// descriptors counts the open ones of this process.
func descriptors(t testing.TB) int {
	dir := "/proc/self/fd"
	if runtime.GOOS != "linux" {
		dir = "/dev/fd"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestHandedOverDescriptorsAreNotInherited(t *testing.T) {
	a, b, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{a, b} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("close-on-exec is not set: %v", err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("not non-blocking: %v", err)
		}
		unix.Close(fd)
	}
}

func TestOnlySocketsAreAdopted(t *testing.T) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[1])
	if _, err := adoptSocket(p[0]); err == nil {
		t.Fatal("a pipe was adopted")
	}
	if _, err := unix.FcntlInt(uintptr(p[0]), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		t.Fatal("the descriptor was not closed")
	}
	if _, err := adoptSocket(-1); err == nil || strings.Contains(err.Error(), "panic") {
		t.Fatal(err)
	}
}
