package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// adoptSocket makes a connection of fd and closes fd, also when it fails:
// net.FileConn works on a duplicate.
func adoptSocket(fd int) (*net.UnixConn, error) {
	if fd < 0 {
		return nil, unix.EBADF
	}
	f := os.NewFile(uintptr(fd), "socket")
	if f == nil {
		return nil, unix.EBADF
	}
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("%T is not a unix socket", conn)
	}
	return socket, nil
}

func closeDescriptor(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
