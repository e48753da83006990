package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// bar is a limit that a figure is held to.
type bar struct {
	limit   float64
	atLeast bool
	unit    unit
}

func atMost(limit float64, u unit) *bar  { return &bar{limit, false, u} }
func atLeast(limit float64, u unit) *bar { return &bar{limit, true, u} }

func (b *bar) met(value float64) bool {
	if b.atLeast {
		return value >= b.limit
	}
	return value <= b.limit
}

func (b *bar) String() string {
	if b.atLeast {
		return "≥ " + b.unit(b.limit)
	}
	return "≤ " + b.unit(b.limit)
}

// unit writes a figure down.
type unit func(float64) string

func times(v float64) string        { return fmt.Sprintf("%.2f ×", v) }
func microseconds(v float64) string { return fmt.Sprintf("%.0f µs", v) }
func milliseconds(v float64) string { return fmt.Sprintf("%.1f ms", v/1000) }
func perSecond(v float64) string    { return fmt.Sprintf("%.0f /s", v) }
func mebibytes(v float64) string    { return fmt.Sprintf("%.1f MiB", v/(1<<20)) }
func megabytes(v float64) string    { return fmt.Sprintf("%.1f MB", v/1e6) }
func number(v float64) string       { return fmt.Sprintf("%.0f", v) }

// line is a row of the table.
type line struct {
	what, ours, plain, figure, bar, met string
}

// table is the outcome.
type table struct {
	lines      []line
	conditions string
}

// compare adds a row whose figure is the median of the ratios of the pairs.
func (t *table) compare(what string, u unit, ours, plain []float64, b *bar) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / plain[i]
	}
	figure := fmt.Sprintf("%s (%.2f–%.2f)", times(median(ratios)), slices.Min(ratios), slices.Max(ratios))
	t.add(line{what: what, ours: u(median(ours)), plain: u(median(plain)), figure: figure}, median(ratios), b)
}

// absolute adds a row whose figure is no ratio.
func (t *table) absolute(what, ours, plain string, u unit, value float64, b *bar) {
	t.add(line{what: what, ours: ours, plain: plain, figure: u(value)}, value, b)
}

// note adds a row for information.
func (t *table) note(what, ours, plain string) {
	t.lines = append(t.lines, line{what: what, ours: ours, plain: plain})
}

func (t *table) add(l line, value float64, b *bar) {
	if b != nil {
		l.bar, l.met = b.String(), "MISSED"
		if b.met(value) {
			l.met = "met"
		}
	}
	t.lines = append(t.lines, l)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

var heads = line{"what", "roam-mcp", "plain Go", "figure", "bar", ""}

func (l line) cells() []string { return []string{l.what, l.ours, l.plain, l.figure, l.bar, l.met} }

// text is the table for a terminal.
func (t *table) text() string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, l := range append([]line{heads}, t.lines...) {
		fmt.Fprintln(w, strings.Join(l.cells(), "\t"))
	}
	w.Flush()
	return out.String() + "\n" + t.conditions + "\n"
}

func (t *table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", t.conditions)
	row := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	row(heads.cells())
	row(slices.Repeat([]string{"---"}, len(heads.cells())))
	for _, l := range t.lines {
		row(l.cells())
	}
	return out.String()
}

// The figures in the document stand between these two lines.
const (
	figuresBegin = "<!-- figures: begin (written by make bench) -->\n"
	figuresEnd   = "<!-- figures: end -->\n"
)

// writeInto replaces the figures in a document.
func (t *table) writeInto(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	replaced, err := replaceFigures(string(text), t.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(replaced), 0o644)
}

func replaceFigures(document, figures string) (string, error) {
	before, rest, found := strings.Cut(document, figuresBegin)
	_, after, ended := strings.Cut(rest, figuresEnd)
	if !found || !ended {
		return "", fmt.Errorf("no place for the figures: it needs the lines\n%s%s", figuresBegin, figuresEnd)
	}
	return before + figuresBegin + "\n" + figures + "\n" + figuresEnd + after, nil
}
