package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"serin.dev/e2e/watch"
)

// tally is what the load counted, in one second or in all.
type tally struct {
	Sent       int            `json:"sent"`
	OK         int            `json:"ok"`
	Deliberate int            `json:"deliberate"`
	Lost       int            `json:"lost"`
	Failures   map[string]int `json:"failures"`
	Versions   map[string]int `json:"versions"`
}

// traffic is the running load.
type traffic struct {
	process *exec.Cmd
	summary string
	over    chan struct{} // closed when its last second was read
}

// startLoad begins the traffic; each of its seconds is an observation.
func (p *play) startLoad(stop context.Context, seen chan<- observation) (*traffic, error) {
	dir, err := os.MkdirTemp("", "serin-demo-")
	if err != nil {
		return nil, err
	}
	t := &traffic{summary: filepath.Join(dir, "summary.json"), over: make(chan struct{})}
	t.process = exec.Command(p.load, "-url", p.url, "-host", p.host, "-rate", "50", "-connections", "64",
		"-duration", (longest + longest/10).String(), "-summary", t.summary, "-timeline", "/dev/stdout")
	t.process.Stderr = os.Stderr
	lines, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		// A second that nobody listens to any more is dropped; the summary has it.
		err := watch.Decode(lines, func(second tally) error {
			send(stop, seen, second)
			return nil
		})
		close(t.over)
		send(stop, seen, ended{"the load", err})
	}()
	return t, nil
}

// end stops the load, hears it out and reads its summary.
func (t *traffic) end(seen <-chan observation, tell *teller) (*tally, error) {
	if err := t.process.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, err
	}
	for over := false; !over; {
		select {
		case <-t.over:
			over = true
		case observation := <-seen:
			_ = observation.take(tell) // a stream that ends now changes nothing
		}
	}
	if err := t.process.Wait(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(t.summary)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Dir(t.summary)); err != nil {
		return nil, err
	}
	var total tally
	return &total, json.Unmarshal(text, &total)
}
