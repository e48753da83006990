package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// envelope is the part of a request that every operation shares; its other
// fields are the operation's own and stand beside these.
type envelope struct {
	ID uint64 `json:"id"`
	Op string `json:"op"`
}

type reply struct {
	ID     uint64 `json:"id"`
	Result any    `json:"result,omitempty"`
	Error  *fault `json:"error,omitempty"`
}

// nothing is the result of an operation that only succeeds.
type nothing struct{}

// A kind says what the host can do about a fault. The set is closed.
type kind string

const (
	// kindAuth: control refused the credential; another one is needed.
	kindAuth kind = "auth"
	// kindLoginRequired: a person has to log the node in, at the fault's URL
	// if there is one.
	kindLoginRequired kind = "login_required"
	// kindNotFound: no such peer, no such listener.
	kindNotFound kind = "not_found"
	// kindFunnelUnavailable: the tailnet's policy does not let this node use
	// Funnel.
	kindFunnelUnavailable kind = "funnel_unavailable"
	// kindPortUnavailable: it does, but not at this port.
	kindPortUnavailable kind = "port_unavailable"
	// kindHTTPSUnavailable: the tailnet has no certificates.
	kindHTTPSUnavailable kind = "https_unavailable"
	// kindRateLimited: ask again after RetryAfter seconds.
	kindRateLimited kind = "rate_limited"
	// kindCertificate: the certificate was not issued for another reason.
	kindCertificate kind = "certificate"
	// kindAddressInUse: the listener number or the port is taken.
	kindAddressInUse kind = "address_in_use"
	// kindCancelled: the node was closed meanwhile.
	kindCancelled kind = "cancelled"
	// kindBadRequest: the host is wrong; asking again will not help.
	kindBadRequest kind = "bad_request"
	// kindInternal: anything else.
	kindInternal kind = "internal"
)

// fault is an error as the host sees it.
type fault struct {
	Kind    kind   `json:"kind"`
	Message string `json:"message"`
	// RetryAfter is in seconds; 0 when the other side did not say.
	RetryAfter uint64 `json:"retry_after,omitempty"`
	// URL is where a person can do something about it.
	URL string `json:"url,omitempty"`
}

func (f *fault) Error() string { return string(f.Kind) + ": " + f.Message }

func faultf(k kind, format string, args ...any) *fault {
	return &fault{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// asFault gives every error a kind.
func asFault(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	switch {
	case errors.Is(err, context.Canceled):
		return faultf(kindCancelled, "the node was closed")
	case errors.Is(err, context.DeadlineExceeded):
		return faultf(kindInternal, "no answer in time")
	}
	return faultf(kindInternal, "%v", err)
}

// seconds rounds up: coming back too early would only renew the limit.
func seconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64(math.Ceil(d.Seconds()))
}

// The events. Each carries its own name, so a line explains itself.

type stateEvent struct {
	Event string `json:"event"` // "state"
	State string `json:"state"`
}

type loginURLEvent struct {
	Event string `json:"event"` // "login_url"
	URL   string `json:"url"`
}

type healthEvent struct {
	Event    string    `json:"event"` // "health"
	Warnings []warning `json:"warnings"`
}

type errorEvent struct {
	Event   string `json:"event"` // "error"
	Message string `json:"message"`
}

type selfEvent struct {
	Event string `json:"event"` // "self"
	status
}

type logEvent struct {
	Event   string `json:"event"` // "log"
	Level   string `json:"level"`
	Message string `json:"message"`
	// Dropped counts the lines before this one that the host was too slow for.
	Dropped uint64 `json:"dropped,omitempty"`
}

type connectionEvent struct {
	Event    string `json:"event"` // "connection"
	Listener int64  `json:"listener"`
	FD       int    `json:"fd"`
	facts
}

type listenerClosedEvent struct {
	Event    string `json:"event"` // "listener_closed"
	Listener int64  `json:"listener"`
	Message  string `json:"message"`
}
