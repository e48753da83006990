package main

import (
	"context"
	"io"
	"log"
	"os"
	"testing"

	"tailscale.com/types/logger"
)

// tailnet is the one that all tests share.
var tailnet *Tailnet

func TestMain(m *testing.M) { os.Exit(testAll(m)) }

func testAll(m *testing.M) int {
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
