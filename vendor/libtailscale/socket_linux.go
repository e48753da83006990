package main

import "golang.org/x/sys/unix"

// socketPair returns two connected stream sockets, non-blocking and not
// inherited by child processes.
func socketPair() (a, b int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return p[0], p[1], err
}

// peerClosed reports whether the other end of a pair is closed, and not only
// shut for writing. Linux tells the two apart: POLLHUP is for both directions.
// If this end is shut for writing as well, the stream is over anyhow.
func peerClosed(fd int, _ bool) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 1 && p[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}
