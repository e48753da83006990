package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// handlers compares what the program itself has no answer for: its node and its server with the baseline's handlers.
func handlers(ctx context.Context, w *world, t *table) error {
	return w.against(ctx, w.benchNode(), func(ours, plain *subject) error {
		for _, measure := range []func(context.Context, *world, *table, *subject, *subject) error{downloads, shortConnections, echoes, whois} {
			if err := measure(ctx, w, t, ours, plain); err != nil {
				return err
			}
		}
		return nil
	})
}

const mebibyte = "/bulk?bytes=1048576"

func downloads(ctx context.Context, w *world, t *table, ours, plain *subject) error {
	bulk := func(c *client) request { return func(ctx context.Context) error { return c.get(ctx, mebibyte) } }
	// First, while the processes are fresh.
	var peaks []float64
	for _, s := range []*subject{ours, plain} {
		for range 4 {
			if err := parallel(concurrency, func() error { return bulk(s.client.h1)(ctx) }); err != nil {
				return err
			}
		}
		peak, err := s.running.memory("VmHWM")
		if err != nil {
			return err
		}
		peaks = append(peaks, peak)
	}
	t.absolute("most memory in 4 rounds of 16 × 1 MiB at a time", mebibytes(peaks[0]), mebibytes(peaks[1]), mebibytes, peaks[0], atMost(160<<20, mebibytes))

	for _, kind := range []struct {
		name   string
		client *client
	}{{"h1", ours.client.h1}, {"h2", ours.client.h2}} {
		a, b, err := pairs(w.effort.pairs,
			func() ([]float64, error) { return throughput(ctx, w.effort.turn, 1, ours.running, bulk(kind.client)) },
			func() ([]float64, error) {
				return throughput(ctx, w.effort.turn, 1, plain.running, bulk(plain.client.h1))
			})
		if err != nil {
			return err
		}
		t.compare("1 MiB bodies, "+kind.name, func(v float64) string { return fmt.Sprintf("%.0f MiB/s", v) }, a.column(0), b.column(0), atLeast(1.1, times))
		t.compare("1 MiB bodies, "+kind.name+", processor time for each", microseconds, a.column(1), b.column(1), nil)
	}
	return nil
}

const (
	stall     = time.Second
	givenUpAt = 3 * time.Second
)

func shortConnections(ctx context.Context, w *world, t *table, ours, plain *subject) error {
	var stalls []float64
	var texts []string
	for _, s := range []*subject{ours, plain} {
		took, err := s.connectOften(ctx, w.effort.connections)
		if err != nil {
			return err
		}
		var stalled float64
		for _, d := range took {
			if d > stall {
				stalled++
			}
		}
		longest := fmt.Sprintf("%.0f ms", micros(slices.Max(took))/1000)
		if slices.Max(took) >= givenUpAt {
			longest = "given up"
		}
		stalls = append(stalls, stalled)
		texts = append(texts, fmt.Sprintf("%.0f stalled, longest %s", stalled, longest))
	}
	t.absolute(strconv.Itoa(w.effort.connections)+" short connections, closed by the server", texts[0], texts[1], number, stalls[0], atMost(0, number))
	return nil
}

// connectOften opens so many short connections, 16 at a time, and returns how long each took.
func (s *subject) connectOften(ctx context.Context, n int) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	left := n
	err := parallel(concurrency, func() error {
		for {
			mu.Lock()
			if left == 0 {
				mu.Unlock()
				return nil
			}
			left--
			mu.Unlock()
			began := time.Now()
			err := s.once(ctx, givenUpAt)
			d := time.Since(began)
			if err != nil && d < givenUpAt {
				return s.explain(err)
			}
			mu.Lock()
			took = append(took, d)
			mu.Unlock()
		}
	})
	return took, err
}

func echoes(ctx context.Context, w *world, t *table, ours, plain *subject) error {
	body := string(slices.Repeat([]byte{'x'}, 4096))
	echo := func(c *client) request { return func(ctx context.Context) error { return c.do(ctx, "/echo", body) } }
	if err := t.latencies(ctx, w.effort, "4 KiB echo, h1", echo(ours.client.h1), echo(plain.client.h1), nil, nil); err != nil {
		return err
	}
	return t.latencies(ctx, w.effort, "4 KiB echo, h2", echo(ours.client.h2), echo(plain.client.h1), nil, nil)
}

// whois is the price of asking Go for a caller; the program asks once in ten seconds for each.
func whois(ctx context.Context, w *world, t *table, ours, _ *subject) error {
	at := func(path string) func() ([]float64, error) {
		return func() ([]float64, error) {
			return latency(ctx, w.effort.turn, func(ctx context.Context) error { return ours.client.h1.get(ctx, path) })
		}
	}
	a, b, err := pairs(w.effort.pairs, at("/whois"), at("/health"))
	if err != nil {
		return err
	}
	t.note("WhoIs asked of Go, added to p50", microseconds(median(a.column(0))-median(b.column(0))), "")
	return nil
}
