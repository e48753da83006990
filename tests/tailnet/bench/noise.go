package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// noise is what other processes of the machine do meanwhile.
type noise struct {
	began      time.Time
	busy, ours time.Duration
}

func startNoise() noise { return noise{time.Now(), machineBusy(), ourCPU()} }

// share is the part of all processors that others had.
func (n noise) share() float64 {
	others := (machineBusy() - n.busy) - (ourCPU() - n.ours)
	return max(0, float64(others)/float64(time.Since(n.began))/float64(runtime.NumCPU()))
}

// machineBusy is the processor time of the whole machine that was not idle, or taken from it by its host.
func machineBusy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var busy int
	for i, field := range strings.Fields(first) {
		// cpu user nice system idle iowait irq softirq steal; what guests use is in user.
		if n, err := strconv.Atoi(field); err == nil && i != 4 && i != 5 && i <= 8 {
			busy += n
		}
	}
	return time.Duration(busy) * tick
}

// ourCPU is the processor time of this process and of its children that have ended.
func ourCPU() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return total
}

// conditions says when and on what the figures were made.
func conditions(e effort, others float64) string {
	return fmt.Sprintf("%s, %d cores (%s), %s run of %d pairs; other processes had %.0f %% of the machine.",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), cpuModel(), e.name, e.pairs, 100*others)
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
