package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// part is a group of rows that share their subjects.
type part struct {
	name    string
	measure func(context.Context, *world, *table) error
}

// searchCall is what a client of MCP sends.
const searchCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"eclipse tree"}}}`

// parts have one Rust and one Go process at a time: a third one that keeps the machine busy in between would make
// whichever comes after it look better.
var parts = []part{
	{"program", program},
	{"start", starts},
	{"requests", requests},
	{"handlers", handlers},
	{"access", access},
}

// program looks at the program itself.
func program(ctx context.Context, w *world, t *table) error {
	file, err := os.Stat(w.programs.roamMCP)
	if err != nil {
		return err
	}
	size := float64(file.Size())
	t.absolute("size of the program", megabytes(size), "", megabytes, size, atMost(40e6, megabytes))

	var ours, nothing []float64
	for range w.effort.runs {
		for _, run := range []struct {
			cmd  *exec.Cmd
			took *[]float64
		}{{exec.CommandContext(ctx, w.programs.roamMCP, "--version"), &ours}, {exec.CommandContext(ctx, "/bin/true"), &nothing}} {
			began := time.Now()
			if err := run.cmd.Run(); err != nil {
				return err
			}
			*run.took = append(*run.took, micros(time.Since(began)))
		}
	}
	t.absolute("`--version`, spawn to exit (on the right: `/bin/true`)", milliseconds(median(ours)), milliseconds(median(nothing)), milliseconds, median(ours), atMost(10_000, milliseconds))
	return nil
}

// starts times nodes that have joined before, from their start to the first answer that a peer gets, and then lets them
// idle.
func starts(ctx context.Context, w *world, t *table) error {
	ours, plain := w.roamMCP(), w.baseline()
	for _, s := range []*subject{ours, plain} {
		err := s.enrol(ctx)
		s.stop()
		if err != nil {
			return err
		}
	}
	a, b, err := pairs(w.effort.starts, func() ([]float64, error) { return ours.restart(ctx) }, func() ([]float64, error) { return plain.restart(ctx) })
	if err != nil {
		return err
	}
	t.compare("start of `up` to first answer", milliseconds, a.column(0), b.column(0), atMost(1.15, times))
	t.compare("the same, processor time", milliseconds, a.column(1), b.column(1), nil)
	idle, plainIdle := median(a.column(2)), median(b.column(2))
	t.absolute("resident memory, idle", mebibytes(idle), mebibytes(plainIdle), func(v float64) string { return "+ " + mebibytes(v) },
		idle-plainIdle, atMost(12<<20, func(v float64) string { return "+ " + mebibytes(v) }))
	t.note("of which not backed by files", mebibytes(median(a.column(3))), mebibytes(median(b.column(3))))
	return nil
}

// restart starts a node that has joined before and returns the time to its first answer and the processor time for that,
// both in microseconds, and then its resident and anonymous memory when it idles.
func (s *subject) restart(ctx context.Context) ([]float64, error) {
	if err := s.world.forget(ctx, s.address); err != nil {
		return nil, s.explain(err)
	}
	began := time.Now()
	if err := s.launch(""); err != nil {
		return nil, err
	}
	defer s.stop()
	if err := s.answers(ctx); err != nil {
		return nil, err
	}
	took := time.Since(began)
	cpu, err := s.running.cpu()
	if err != nil {
		return nil, err
	}
	time.Sleep(s.world.effort.settle)
	resident, err := s.running.memory("VmRSS")
	if err != nil {
		return nil, err
	}
	anonymous, err := s.running.memory("RssAnon")
	return []float64{micros(took), micros(cpu), resident, anonymous}, err
}

// requests compares small requests to the program itself with the same to plain Go.
func requests(ctx context.Context, w *world, t *table) error {
	return w.against(ctx, w.roamMCP(), func(ours, plain *subject) error {
		health := func(c *client) request { return func(ctx context.Context) error { return c.get(ctx, "/health") } }
		plainH1 := health(plain.client.h1)
		for _, kind := range []struct {
			name                string
			ours                *client
			p50, p99, perSecond float64
		}{
			{"h2", ours.client.h2, 1.10, 1.10, 1.2},
			{"h1", ours.client.h1, 1.20, 1.15, 0.82},
		} {
			r := health(kind.ours)
			if err := t.latencies(ctx, w.effort, kind.name+" over the tailnet", r, plainH1, atMost(kind.p50, times), atMost(kind.p99, times)); err != nil {
				return err
			}
			a, b, err := pairs(w.effort.pairs,
				func() ([]float64, error) { return throughput(ctx, w.effort.turn, concurrency, ours.running, r) },
				func() ([]float64, error) { return throughput(ctx, w.effort.turn, concurrency, plain.running, plainH1) })
			if err != nil {
				return err
			}
			t.compare(kind.name+", 16 at a time", perSecond, a.column(0), b.column(0), atLeast(kind.perSecond, times))
			t.compare(kind.name+", processor time for each", microseconds, a.column(1), b.column(1), nil)
		}
		if n := ours.client.h2.dials.Load(); n != 1 {
			return fmt.Errorf("h2 took %d connections", n)
		}
		if err := t.latencies(ctx, w.effort, "h1 over Funnel", health(ours.client.funnel), health(plain.client.funnel), atMost(1.20, times), nil); err != nil {
			return err
		}

		searched, err := latency(ctx, w.effort.turn, func(ctx context.Context) error { return ours.client.h2.do(ctx, "/mcp", searchCall) })
		if err != nil {
			return err
		}
		t.note("tool call `search`, h2, p50", microseconds(searched[0]), "")
		peak, err := ours.running.memory("VmHWM")
		if err != nil {
			return err
		}
		plainPeak, err := plain.running.memory("VmHWM")
		t.note("most memory during all that", mebibytes(peak), mebibytes(plainPeak))
		return err
	})
}

// latencies compares one request at a time.
func (t *table) latencies(ctx context.Context, e effort, what string, ours, plain request, p50, p99 *bar) error {
	a, b, err := pairs(e.pairs,
		func() ([]float64, error) { return latency(ctx, e.turn, ours) },
		func() ([]float64, error) { return latency(ctx, e.turn, plain) })
	if err != nil {
		return err
	}
	t.compare(what+", p50", microseconds, a.column(0), b.column(0), p50)
	t.compare(what+", p99", microseconds, a.column(1), b.column(1), p99)
	return nil
}
