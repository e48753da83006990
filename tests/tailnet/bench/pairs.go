package main

import (
	"context"
	"errors"
)

// against runs a subject and the baseline side by side.
func (w *world) against(ctx context.Context, ours *subject, compare func(ours, plain *subject) error) error {
	plain := w.baseline()
	for _, s := range []*subject{ours, plain} {
		defer s.stop()
		if err := s.enrol(ctx); err != nil {
			return err
		}
	}
	err := compare(ours, plain)
	return errors.Join(err, ctx.Err())
}

// series are the figures of one side, one slice for each turn.
type series [][]float64

func (s series) column(i int) []float64 {
	var values []float64
	for _, turn := range s {
		values = append(values, turn[i])
	}
	return values
}

// pairs measures the two sides in turn, after one turn of each that does not count.
func pairs(n int, ours, plain func() ([]float64, error)) (a, b series, err error) {
	for i := range n + 1 {
		x, err := ours()
		if err != nil {
			return nil, nil, err
		}
		y, err := plain()
		if err != nil {
			return nil, nil, err
		}
		if i > 0 {
			a, b = append(a, x), append(b, y)
		}
	}
	return a, b, nil
}
