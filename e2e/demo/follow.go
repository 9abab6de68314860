package main

import (
	"context"
	"fmt"
	"sync"

	"serin.dev/e2e/watch"
)

// observation is something that was seen; it changes what the teller knows.
type observation interface{ take(*teller) error }

// canary is what the time line shows of a Canary.
type canary struct {
	Status status `json:"status"`
}

type status struct {
	Phase   string   `json:"phase"`
	Weight  int      `json:"canaryWeight"`
	Metrics []metric `json:"metrics"`
}

// metric is one KPI as the operator judged it.
type metric struct {
	Name        string   `json:"name"`
	Value       *float64 `json:"value,omitempty"`
	Verdict     string   `json:"verdict,omitempty"`
	Explanation string   `json:"explanation,omitempty"`
}

// notice is an Event about the Canary. A repeated one comes again with a higher count.
type notice struct {
	Metadata struct {
		UID string `json:"uid"`
	} `json:"metadata"`
	Type    string `json:"type"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Count   int    `json:"count"`
	Series  struct {
		Count int `json:"count"`
	} `json:"series"`
}

// ended says that a stream is over, which none should be before the play is.
type ended struct {
	what string
	err  error
}

func (e ended) take(*teller) error {
	if e.err == nil {
		return fmt.Errorf("%s ended early", e.what)
	}
	return fmt.Errorf("%s ended early: %w", e.what, e.err)
}

// follow sends every change of the Canary and every Event about it until stop. Whoever stops it waits for the group: a watch
// that outlives the demo holds its caller's output open for as long as the apiserver lets it.
func follow(stop context.Context, namespace, name string, seen chan<- observation) *sync.WaitGroup {
	var watches sync.WaitGroup
	watches.Add(2)
	go func() {
		defer watches.Done()
		relay[canary](stop, seen, "canaries.flagger.app", "--namespace", namespace, "--field-selector", "metadata.name="+name)
	}()
	go func() {
		defer watches.Done()
		relay[notice](stop, seen, "events", "--namespace", namespace,
			"--field-selector", "involvedObject.kind=Canary,involvedObject.name="+name)
	}()
	return &watches
}

func relay[T observation](stop context.Context, seen chan<- observation, what string, args ...string) {
	err := watch.Follow(stop, func(e watch.Event[T]) error {
		send(stop, seen, e.Object)
		return nil
	}, append([]string{what}, args...)...)
	send(stop, seen, ended{"the watch of " + what, err})
}

// send hands over an observation unless nobody listens any more.
func send(stop context.Context, seen chan<- observation, o observation) {
	select {
	case seen <- o:
	case <-stop.Done():
	}
}
