package main

import (
	"strings"
	"testing"
)

func TestARowIsJudgedByTheMedianOfItsRatios(t *testing.T) {
	var table table
	ours, plain := []float64{100, 300, 110}, []float64{100, 100, 100}
	table.compare("close", microseconds, ours, plain, atMost(1.1, times))
	table.compare("wrong way", perSecond, ours, plain, atLeast(1.2, times))
	table.compare("no bar", microseconds, ours, plain, nil)
	for i, want := range []string{"met", "MISSED", ""} {
		if got := table.lines[i]; got.met != want || got.figure != "1.10 × (1.00–3.00)" {
			t.Errorf("%s: %q, want %q: %+v", got.what, got.met, want, got)
		}
	}
}

func TestTheMedianOfAnEvenNumberLiesInTheMiddle(t *testing.T) {
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Error(got)
	}
}

func TestOnlyTheFiguresOfADocumentAreReplaced(t *testing.T) {
	document := "before\n" + figuresBegin + "old\n" + figuresEnd + "after\n"
	once, err := replaceFigures(document, "new\n")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(once, "before\n") || !strings.HasSuffix(once, "after\n") || strings.Contains(once, "old") {
		t.Error(once)
	}
	if twice, err := replaceFigures(once, "new\n"); err != nil || twice != once {
		t.Errorf("%v: %q", err, twice)
	}
	for _, bad := range []string{"", figuresBegin, figuresEnd + figuresBegin} {
		if _, err := replaceFigures(bad, "new\n"); err == nil {
			t.Errorf("%q has no place for figures", bad)
		}
	}
}
