package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// app is the HTTP side: the answer itself, readiness and metrics.
type app struct {
	behaviour
	readyAt  time.Time
	answered atomic.Uint64
	measured *measured
	routes   *http.ServeMux
}

func newApp(b behaviour, started time.Time) *app {
	a := &app{behaviour: b, readyAt: started.Add(b.startDelay), measured: newMeasured(), routes: http.NewServeMux()}
	a.routes.HandleFunc("GET /healthz", a.health)
	a.routes.HandleFunc("GET /metrics", a.measured.write)
	a.routes.HandleFunc("/", a.answer)
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.routes.ServeHTTP(w, r) }

func (a *app) answer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	status := http.StatusOK
	w.Header().Set("x-version", a.version)
	if a.fails(a.answered.Add(1)) {
		status = http.StatusInternalServerError
		w.Header().Set("x-deliberate", "1")
	}
	time.Sleep(a.latency)
	w.WriteHeader(status)
	fmt.Fprintf(w, "version %s: %d\n", a.version, status)
	a.measured.add(r.Method, strconv.Itoa(status), time.Since(began))
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if pod, _ := os.Hostname(); a.neverReady != "" && strings.HasPrefix(pod, a.neverReady) {
		http.Error(w, "never ready as "+pod, http.StatusServiceUnavailable)
		return
	}
	if wait := time.Until(a.readyAt); wait > 0 {
		http.Error(w, fmt.Sprintf("ready in %s", wait.Round(time.Millisecond)), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
