package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// play is what to perform and where.
type play struct {
	namespace, canary, manifest string
	load, url, host             string
	tell                        *teller
}

// act is one thing done to the cluster and the phases in which its consequences end.
type act struct {
	name string
	do   []string // arguments of kubectl
	ends []string
}

func (p *play) acts() []act {
	release := func(environment ...string) []string {
		return append([]string{"set", "env", "--namespace", p.namespace, "deployment/" + p.canary}, environment...)
	}
	return []act{
		{"put the running app under a Canary", []string{"apply", "--filename", p.manifest}, []string{"Initialized"}},
		{"release 2, a good one", release("VERSION=2"), []string{"Succeeded", "Failed"}},
		{"release 3, 30 % of its answers are errors", release("VERSION=3", "ERROR_RATE=30"), []string{"Succeeded", "Failed"}},
	}
}

// perform plays all acts under load. The outcome tells how far it came, also with an error.
func (p *play) perform(stop context.Context) (outcome, error) {
	watching, cancel := context.WithCancel(stop)
	defer cancel()
	seen := make(chan observation)
	traffic, err := p.startLoad(watching, seen)
	if err != nil {
		return p.tell.outcome(nil), err
	}
	watches := follow(watching, p.namespace, p.canary, seen)
	played := p.playActs(watching, seen)
	summary, err := traffic.end(seen, p.tell)
	cancel()
	watches.Wait()
	if played != nil {
		err = played
	}
	return p.tell.outcome(summary), err
}

func (p *play) playActs(stop context.Context, seen <-chan observation) error {
	if err := p.until(stop, seen, func() bool { return p.tell.traffic.OK > 0 }); err != nil {
		return fmt.Errorf("waiting for the first answer of %s: %w", p.url, err)
	}
	for _, act := range p.acts() {
		p.tell.act(act.name)
		began := time.Now()
		kubectl := exec.CommandContext(stop, "kubectl", act.do...)
		kubectl.Stderr = os.Stderr
		if err := kubectl.Run(); err != nil {
			return fmt.Errorf("kubectl %v: %w", act.do, err)
		}
		p.tell.phaseEnded = ""
		if err := p.until(stop, seen, func() bool { return slices.Contains(act.ends, p.tell.phaseEnded) }); err != nil {
			return fmt.Errorf("waiting for %v after %q: %w; the phase is %q", act.ends, act.name, err, p.tell.now.Phase)
		}
		took := time.Since(began)
		if err := p.hearLastWords(stop, seen); err != nil {
			return err
		}
		p.tell.stage(act.name, took)
	}
	return nil
}

// lastWords is how long Events may come after the phase that they explain.
const lastWords = time.Second

func (p *play) hearLastWords(stop context.Context, seen <-chan observation) error {
	short, cancel := context.WithTimeout(stop, lastWords)
	defer cancel()
	err := p.until(short, seen, func() bool { return false })
	if short.Err() != nil && stop.Err() == nil {
		return nil
	}
	return err
}

func (p *play) until(stop context.Context, seen <-chan observation, reached func() bool) error {
	for !reached() {
		select {
		case <-stop.Done():
			return context.Cause(stop)
		case observation := <-seen:
			if err := observation.take(p.tell); err != nil {
				return err
			}
		}
	}
	return nil
}
