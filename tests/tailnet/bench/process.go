package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endLimit is more than any of the programs needs to close.
const endLimit = 10 * time.Second

// process is a child. It ends with its standard input or by SIGTERM, whichever it knows.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
	out io.ReadCloser
}

func start(cmd *exec.Cmd, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	p := &process{cmd: cmd}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, cmd.Start()
}

// await waits for a line with that text, and has the lines after it read, so that the process can go on printing.
func (p *process) await(text string) error {
	found := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(p.out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				found <- nil
				_, _ = io.Copy(io.Discard, p.out)
				return
			}
		}
		found <- errors.New("it ended")
	}()
	select {
	case err := <-found:
		return err
	case <-time.After(startLimit):
		return errors.New("it does not come up")
	}
}

func (p *process) stop() {
	p.in.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endLimit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait()
}

// memory reads a field such as VmRSS, in bytes.
func (p *process) memory(field string) (float64, error) {
	text, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kilobytes, err := strconv.Atoi(strings.Fields(value)[0])
			return float64(kilobytes) * 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", field, p.proc("status"))
}

// cpu is the processor time used so far.
func (p *process) cpu() (time.Duration, error) { return cpuOf(p.proc("stat")) }

func (p *process) proc(file string) string {
	return fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
}

// tick is the unit of processor time in /proc.
const tick = 10 * time.Millisecond

func cpuOf(path string) (time.Duration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold spaces; user and system time are fields 14 and 15.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected form of %s", path)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}
