package main

import (
	"fmt"
	"strconv"
	"time"
)

// behaviour is what one revision of the app does; it is fixed by the pod's environment.
type behaviour struct {
	version    string        // VERSION, shown in the header x-version and the body
	port       string        // PORT
	errorRate  uint64        // ERROR_RATE, percent of the answers that are a deliberate 500
	latency    time.Duration // LATENCY_MS, added to every answer
	startDelay time.Duration // START_DELAY, seconds from the start until /healthz says ready
	lameDuck   time.Duration // LAME_DUCK, seconds that it keeps serving after SIGTERM
	neverReady string        // NEVER_READY_AS, a pod whose name begins so is never ready
}

// behaviourFrom reads the environment; what is not set behaves well.
func behaviourFrom(lookup func(string) (string, bool)) (behaviour, error) {
	var failure error
	text := func(name, otherwise string) string {
		if value, set := lookup(name); set {
			return value
		}
		return otherwise
	}
	number := func(name, otherwise string, highest uint64) uint64 {
		value, err := strconv.ParseUint(text(name, otherwise), 10, 32)
		if (err != nil || value > highest) && failure == nil {
			failure = fmt.Errorf("%s=%q: want a whole number from 0 to %d", name, text(name, otherwise), highest)
		}
		return value
	}
	read := behaviour{
		version:    text("VERSION", "unknown"),
		port:       text("PORT", "8080"),
		errorRate:  number("ERROR_RATE", "0", 100),
		latency:    time.Duration(number("LATENCY_MS", "0", 60_000)) * time.Millisecond,
		startDelay: time.Duration(number("START_DELAY", "0", 600)) * time.Second,
		lameDuck:   time.Duration(number("LAME_DUCK", "5", 60)) * time.Second,
		neverReady: text("NEVER_READY_AS", ""),
	}
	return read, failure
}

// fails says whether the n-th answer (from 1) is an error. Errors are spread evenly, not drawn:
// of any 100 answers in a row exactly errorRate fail, so that a KPI over few requests is still right.
func (b behaviour) fails(n uint64) bool {
	return n*b.errorRate/100 != (n-1)*b.errorRate/100
}
