//go:build !linux

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// socketPair sets the flags after the fact; the lock keeps a fork from
// happening in between.
func socketPair() (a, b int, err error) {
	syscall.ForkLock.RLock()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(p[0])
		unix.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, -1, err
	}
	for _, fd := range p {
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(p[0])
			unix.Close(p[1])
			return -1, -1, err
		}
	}
	return p[0], p[1], nil
}

// peerClosed reports whether the other end of a pair is closed, and not only
// shut for writing. Here poll reports POLLHUP for either, but sending, even
// nothing, fails only if nobody can receive; once this end is shut for writing
// that says nothing about the other.
func peerClosed(fd int, shut bool) bool {
	if shut {
		return false
	}
	_, err := unix.SendmsgN(fd, nil, nil, nil, 0)
	return err == unix.EPIPE
}
