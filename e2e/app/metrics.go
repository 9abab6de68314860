package main

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"
)

// bounds are the upper bounds of the latency histogram in seconds; the usual ones of HTTP servers.
var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// measured holds http_requests_total and http_request_duration_seconds for each method and status.
type measured struct {
	mutex  sync.Mutex
	series map[string]*series // key: the labels as Prometheus writes them
}

type series struct {
	count   uint64
	seconds float64
	within  []uint64 // within[i]: answers that took bounds[i] or less
}

func newMeasured() *measured { return &measured{series: map[string]*series{}} }

func (m *measured) add(method, status string, took time.Duration) {
	labels := fmt.Sprintf("method=%q,status=%q", method, status)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	s := m.series[labels]
	if s == nil {
		s = &series{within: make([]uint64, len(bounds))}
		m.series[labels] = s
	}
	s.count++
	s.seconds += took.Seconds()
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			s.within[i]++
		}
	}
}

// write answers in Prometheus's text format.
func (m *measured) write(w http.ResponseWriter, _ *http.Request) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var all []string
	for labels := range m.series {
		all = append(all, labels)
	}
	sort.Strings(all)
	var text strings.Builder
	text.WriteString("# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n")
	for _, labels := range all {
		fmt.Fprintf(&text, "http_requests_total{%s} %d\n", labels, m.series[labels].count)
	}
	const name = "http_request_duration_seconds"
	text.WriteString("# HELP " + name + " Time until a request was answered.\n# TYPE " + name + " histogram\n")
	for _, labels := range all {
		s := m.series[labels]
		for i, bound := range bounds {
			fmt.Fprintf(&text, "%s_bucket{%s,le=\"%g\"} %d\n", name, labels, bound, s.within[i])
		}
		fmt.Fprintf(&text, "%s_bucket{%s,le=\"+Inf\"} %d\n", name, labels, s.count)
		fmt.Fprintf(&text, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, labels, s.seconds, name, labels, s.count)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprint(w, text.String())
}
