package main

import (
	"context"
	"io"
	"net"
	"sync"
)

// listen opens a free loopback port until ctx ends and has serve take over each
// of its connections; it returns the address.
func listen(ctx context.Context, serve func(*net.TCPConn)) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c.(*net.TCPConn))
		}
	}()
	return l.Addr().String(), nil
}

// splice copies between two connections until both directions have ended, and
// closes them. An end of stream travels on as one; an error ends both at once.
// The readers stand apart from the connections because some bytes may be buffered.
func splice(a net.Conn, fromA io.Reader, b net.Conn, fromB io.Reader) {
	var both sync.WaitGroup
	both.Go(func() { pump(b, fromA, a) })
	both.Go(func() { pump(a, fromB, b) })
	both.Wait()
	a.Close()
	b.Close()
}

func pump(to net.Conn, from io.Reader, source net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	to.Close()
	source.Close()
}

// reset ends a connection in a way that the client cannot take for an answer.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
}
