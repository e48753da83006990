package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// operation is one thing the host can ask for.
type operation struct {
	// limit bounds the answer; 0 is for what waits for a person or bounds
	// itself.
	limit time.Duration
	run   func(ctx context.Context, n *node, line []byte) (any, error)
}

// operations is every operation there is. Each limit is well above what the
// operation needs on a bad day: it exists so that nothing hangs.
var operations = map[string]operation{
	"up":                 op(0, (*node).up),
	"status":             op(10*time.Second, (*node).status),
	"whois":              op(10*time.Second, (*node).whois),
	"certificate":        op(5*time.Minute, (*node).certificate),
	"listen":             op(30*time.Second, (*node).listen),
	"unlisten":           op(15*time.Second, (*node).unlisten),
	"query_feature":      op(20*time.Second, (*node).queryFeature),
	"disconnect_control": op(10*time.Second, (*node).disconnectControl),
	"close":              op(0, func(n *node, _ context.Context, _ noParams) (nothing, error) { return nothing{}, n.close() }),
}

// noParams is for operations without fields of their own.
type noParams struct{ envelope }

func op[P, R any](limit time.Duration, f func(*node, context.Context, P) (R, error)) operation {
	return operation{limit: limit, run: func(ctx context.Context, n *node, line []byte) (any, error) {
		var params P
		if err := decodeStrict(line, &params); err != nil {
			return nil, faultf(kindBadRequest, "%v", err)
		}
		return f(n, ctx, params)
	}}
}

// perform runs the operation and returns when it is done or its time is up,
// whichever is first: some calls into tsnet take no context.
func (o operation) perform(n *node, line []byte) (any, error) {
	ctx := n.ctx
	if o.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.limit)
		defer cancel()
	}
	type outcome struct {
		result any
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() {
			if e := recover(); e != nil {
				n.out.putLog("error", fmt.Sprintf("panic: %v\n%s", e, debug.Stack()))
				done <- outcome{nil, faultf(kindInternal, "panic: %v", e)}
			}
		}()
		result, err := o.run(ctx, n, line)
		done <- outcome{result, err}
	}()
	if o.limit == 0 {
		got := <-done
		return got.result, got.err
	}
	select {
	case got := <-done:
		return got.result, got.err
	case <-ctx.Done():
	}
	// Prefer the operation's own words, which it usually finds right away.
	select {
	case got := <-done:
		return got.result, got.err
	case <-time.After(100 * time.Millisecond):
		return nil, ctx.Err()
	}
}
