package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"tailscale.com/types/logger"
)

// insideEnv marks the process that runs in its own network namespace.
const insideEnv = "TAILNET_TEST_ISOLATED"

// tailnet is the one that all tests share.
var tailnet *Tailnet

// TestMain runs the tests in a network namespace of their own: a node that orders
// a certificate asks the system's resolver for a TXT record, and nothing of a test
// may leave the machine.
func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) == "" {
		os.Exit(isolated())
	}
	os.Exit(testAll(m))
}

func testAll(m *testing.M) int {
	if err := loopbackUp(); err != nil {
		log.Fatalf("loopback: %v", err)
	}
	dir, err := os.MkdirTemp("", "tailnet-test-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	logf := logger.Logf(log.Printf)
	if os.Getenv("TAILNET_TEST_VERBOSE") == "" {
		logf = logger.Discard
		log.SetOutput(io.Discard)
	}
	tailnet, err = Start(context.Background(), Options{Dir: dir, Domain: "offline-test.ts.net", Logf: logf})
	if err != nil {
		log.Fatal(err)
	}
	defer tailnet.Close()
	for k, v := range tailnet.Info.Env {
		os.Setenv(k, v)
	}
	return m.Run()
}

func isolated() int {
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), insideEnv+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "in a network namespace:", err)
		return 1
	}
	return 0
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}
