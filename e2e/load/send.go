package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// plan is what to send and when to stop.
type plan struct {
	url, host   string
	headers     []string // "Name: value"
	rate        int
	requests    int // 0 is an open loop
	duration    time.Duration
	connections int
	timeout     time.Duration
}

// target checks the plan's bounds and says where its requests go.
func (p plan) target() (target, error) {
	parsed, err := url.Parse(p.url)
	switch {
	case err != nil:
		return target{}, err
	case parsed.Scheme != "http" || parsed.Host == "":
		return target{}, fmt.Errorf("-url %q: want http://HOST[:PORT]/PATH", p.url)
	case p.rate < 1 || p.rate > 5000:
		return target{}, fmt.Errorf("-rate %d: want 1 to 5000", p.rate)
	case p.connections < 1 || p.connections > 512:
		return target{}, fmt.Errorf("-connections %d: want 1 to 512", p.connections)
	case p.duration <= 0 || p.duration > time.Hour:
		return target{}, fmt.Errorf("-duration %s: want more than 0 and at most 1h", p.duration)
	case p.requests < 0:
		return target{}, fmt.Errorf("-requests %d: want 0 or more", p.requests)
	case slices.ContainsFunc(p.headers, isNoHeader):
		return target{}, fmt.Errorf("-header %q: want NAME: VALUE", p.headers)
	case p.timeout <= 0:
		return target{}, fmt.Errorf("-timeout %s: want more than 0", p.timeout)
	}
	return newTarget(parsed, p.host, p.headers, p.timeout), nil
}

// isNoHeader is true for what would not be one line "Name: value" of a request.
func isNoHeader(text string) bool {
	name, _, found := strings.Cut(text, ": ")
	return !found || name == "" || strings.ContainsAny(text, "\r\n")
}

// send keeps to the rate whatever the answers are (an open loop), so that a stall shows as unsent requests instead of as
// a slower load. Only a load of so many requests waits for free connections: there the count matters, not the time.
func send(stop context.Context, p plan, target target, account *account, timeline *os.File) error {
	bounded, cancel := context.WithTimeout(stop, p.duration)
	defer cancel()
	due := make(chan struct{})
	var workers sync.WaitGroup
	for range p.connections {
		workers.Add(1)
		go func() {
			defer workers.Done()
			link := connection{target: target}
			defer link.close()
			for range due {
				account.add(link.ask())
			}
		}()
	}
	err := tick(bounded, p, due, account, timeline)
	close(due)
	workers.Wait()
	if last := account.writeSecond(timeline, time.Now()); err == nil {
		err = last
	}
	return err
}

func tick(until context.Context, p plan, due chan<- struct{}, account *account, timeline *os.File) error {
	requests := time.NewTicker(time.Second / time.Duration(p.rate))
	defer requests.Stop()
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for sent := 0; p.requests == 0 || sent < p.requests; {
		select {
		case <-until.Done():
			return nil
		case now := <-seconds.C:
			if err := account.writeSecond(timeline, now); err != nil {
				return err
			}
		case <-requests.C:
			sent++
			if p.requests > 0 {
				due <- struct{}{}
				continue
			}
			select {
			case due <- struct{}{}:
			default:
				account.add(outcome{failure: unsent})
			}
		}
	}
	return nil
}
