package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// concurrency is the number of requests at a time where there is more than one.
const concurrency = 16

// effort is how long to measure.
type effort struct {
	name        string
	pairs       int           // of each comparison
	turn        time.Duration // of one side in a pair
	connections int           // short ones
	starts      int
	runs        int           // of a program that ends at once
	settle      time.Duration // before an idle process is looked at
}

var (
	full  = effort{"full", 7, 1500 * time.Millisecond, 5000, 7, 50, 2 * time.Second}
	smoke = effort{"quick", 1, 150 * time.Millisecond, 200, 1, 5, 100 * time.Millisecond}
)

// request is what load is made of.
type request func(context.Context) error

// latency makes one request after the other and returns the median and the 99th percentile in microseconds.
func latency(ctx context.Context, turn time.Duration, r request) ([]float64, error) {
	var took []time.Duration
	for end := time.Now().Add(turn); time.Now().Before(end); {
		began := time.Now()
		if err := r(ctx); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	at := func(q float64) float64 { return micros(took[int(q*float64(len(took)-1))]) }
	return []float64{at(0.50), at(0.99)}, nil
}

// throughput keeps so many requests going and returns how many were answered in a second, and the server's processor time
// for each, in microseconds.
func throughput(ctx context.Context, turn time.Duration, at int, server *process, r request) ([]float64, error) {
	before, err := server.cpu()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var answered atomic.Int64
	err = parallel(at, func() error {
		for end := began.Add(turn); time.Now().Before(end); answered.Add(1) {
			if err := r(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	after, err := server.cpu()
	n := float64(answered.Load())
	return []float64{n / took.Seconds(), micros(after-before) / n}, err
}

// parallel runs so many at a time and returns the first error.
func parallel(n int, run func() error) error {
	var all sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		all.Go(func() { failed <- run() })
	}
	all.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
