package main

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// tally counts requests. Sent = OK + Deliberate + Lost, always.
type tally struct {
	Sent       int            `json:"sent"`
	OK         int            `json:"ok"`
	Deliberate int            `json:"deliberate"` // failures that the app marked as its own
	Lost       int            `json:"lost"`       // every other failure
	Failures   map[string]int `json:"failures"`   // by kind, deliberate ones too
	Versions   map[string]int `json:"versions"`   // answers by the version that gave them
}

func newTally() tally { return tally{Failures: map[string]int{}, Versions: map[string]int{}} }

func (t *tally) add(o outcome) {
	t.Sent++
	if o.version != "" {
		t.Versions[o.version]++
	}
	switch {
	case o.failure == "":
		t.OK++
		return
	case o.deliberate:
		t.Deliberate++
	default:
		t.Lost++
	}
	t.Failures[o.failure]++
}

// second is one line of the time line.
type second struct {
	Time time.Time `json:"time"` // its end
	tally
}

// summary is the account at the end.
type summary struct {
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	LostAt  []float64 `json:"lost_at,omitempty"` // when the first of the lost were, in seconds since it began
	tally
	Milliseconds map[string]float64 `json:"milliseconds"` // latency: p50, p99, max
}

// account is safe for all workers at once.
type account struct {
	mutex  sync.Mutex
	began  time.Time
	total  tally
	recent tally // since the last line of the time line
	lostAt []float64
	took   []time.Duration
}

// manyLost are enough to see when something went wrong.
const manyLost = 50

func newAccount(began time.Time) *account {
	return &account{began: began, total: newTally(), recent: newTally()}
}

func (a *account) add(o outcome) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.total.add(o)
	a.recent.add(o)
	switch {
	case o.failure == "":
		a.took = append(a.took, o.took)
	case !o.deliberate && len(a.lostAt) < manyLost:
		a.lostAt = append(a.lostAt, time.Since(a.began).Round(10*time.Millisecond).Seconds())
	}
}

// writeSecond writes what came since its last call; without a file it only starts a new count.
func (a *account) writeSecond(file *os.File, end time.Time) error {
	a.mutex.Lock()
	line := second{Time: end.UTC(), tally: a.recent}
	a.recent = newTally()
	a.mutex.Unlock()
	if file == nil {
		return nil
	}
	return json.NewEncoder(file).Encode(line)
}

func (a *account) writeSummary(to io.Writer, end time.Time) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	return encoder.Encode(summary{
		Began:        a.began.UTC(),
		Seconds:      end.Sub(a.began).Seconds(),
		LostAt:       a.lostAt,
		tally:        a.total,
		Milliseconds: quantiles(a.took),
	})
}

func quantiles(took []time.Duration) map[string]float64 {
	sorted := slices.Sorted(slices.Values(took))
	found := map[string]float64{}
	if len(sorted) == 0 {
		return found
	}
	at := func(share float64) float64 {
		return float64(sorted[int(share*float64(len(sorted)-1))].Microseconds()) / 1000
	}
	maps.Copy(found, map[string]float64{"p50": at(.5), "p99": at(.99), "max": at(1)})
	return found
}
