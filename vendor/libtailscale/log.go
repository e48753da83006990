package main

import (
	"fmt"
	"log"
	"strings"

	"tailscale.com/types/logger"
)

// captureLog takes Go's standard logger away from stderr: the host may speak a
// protocol on its own standard streams, and a library's stray log.Printf must
// not reach them.
func captureLog(o *outbox) {
	log.SetFlags(0)
	log.SetPrefix("")
	log.SetOutput(logWriter{o})
}

type logWriter struct{ out *outbox }

func (w logWriter) Write(line []byte) (int, error) {
	w.out.putLog("info", strings.TrimRight(string(line), "\n"))
	return len(line), nil
}

// userLog takes what tsnet wants its user to see.
func userLog(o *outbox) logger.Logf {
	return func(format string, args ...any) {
		level := "info"
		// Repeated every five seconds; the login_url event says it once.
		if strings.HasPrefix(format, "To start this tsnet server") {
			level = "debug"
		}
		o.putLog(level, fmt.Sprintf(format, args...))
	}
}

// debugLog takes what tsnet's backend says, if anyone wants to hear it.
func debugLog(o *outbox, verbose bool) logger.Logf {
	if !verbose {
		return logger.Discard
	}
	return func(format string, args ...any) {
		o.putLog("debug", strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
	}
}
