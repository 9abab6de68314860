package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// teller knows how things stand and prints a line whenever something worth telling happens.
type teller struct {
	out        io.Writer
	began      time.Time
	clock      func() time.Time
	now        status
	phaseEnded string // the phase that was entered last, since it was last cleared
	traffic    tally  // all so far
	recent     tally  // since the weight changed
	settled    bool   // a whole second has passed since the weight changed
	counted    map[string]int
	kept       outcome
}

func newTeller(out io.Writer, began time.Time) *teller {
	return &teller{out: out, began: began, clock: time.Now, counted: map[string]int{}}
}

func (c canary) take(t *teller) error {
	before := t.now
	t.now = c.Status
	if before.Phase != t.now.Phase {
		t.phaseEnded = t.now.Phase
		switch t.now.Phase {
		case "Succeeded":
			t.kept.Promoted++
		case "Failed":
			t.kept.RolledBack++
		}
	}
	moved := before.Phase != t.now.Phase || before.Weight != t.now.Weight
	judged := before.kpis() != t.now.kpis()
	if moved || judged {
		t.entry("Status", "", t.news(judged))
	}
	if moved {
		t.recent, t.settled = tally{}, false
	}
	return nil
}

// news is the KPIs, where they are new.
func (t *teller) news(judged bool) string {
	if judged {
		return t.now.kpis()
	}
	return ""
}

func (n notice) take(t *teller) error {
	count := max(n.Count, n.Series.Count, 1)
	if t.counted[n.Metadata.UID] < count {
		t.counted[n.Metadata.UID] = count
		t.entry(n.Type, n.Reason, n.Message)
	}
	return nil
}

// take counts one second of traffic. The first second after a change of weight has requests of before in it.
func (s tally) take(t *teller) error {
	t.traffic.add(s)
	if t.settled {
		t.recent.add(s)
	}
	t.settled = true
	if s.Lost > 0 {
		t.entry("Warning", "RequestsLost", fmt.Sprintf("%d requests lost in this second: %v", s.Lost, s.Failures))
	}
	return nil
}

func (s *tally) add(other tally) {
	s.Sent += other.Sent
	s.OK += other.OK
	s.Deliberate += other.Deliberate
	s.Lost += other.Lost
	s.Failures = addAll(s.Failures, other.Failures)
	s.Versions = addAll(s.Versions, other.Versions)
}

func addAll(into, other map[string]int) map[string]int {
	sum := maps.Clone(into)
	if sum == nil {
		sum = map[string]int{}
	}
	for key, count := range other {
		sum[key] += count
	}
	return sum
}

// share is what each version answered since the weight changed, in percent.
func (s tally) share() map[string]float64 {
	all := 0
	for _, count := range s.Versions {
		all += count
	}
	shares := map[string]float64{}
	for version, count := range s.Versions {
		shares[version] = 100 * float64(count) / float64(all)
	}
	return shares
}

// act opens a new part of the time line.
func (t *teller) act(name string) { fmt.Fprintf(t.out, "\n== %s\n", name) }

func (t *teller) stage(name string, took time.Duration) {
	t.kept.Stages = append(t.kept.Stages, stage{name, took.Seconds()})
	fmt.Fprintf(t.out, "== %s: %.0f s\n", name, took.Seconds())
}

func (t *teller) entry(kind, reason, message string) {
	e := entry{
		Second: t.clock().Sub(t.began).Seconds(), Phase: t.now.Phase, Weight: t.now.Weight, KPIs: t.now.Metrics,
		Share: t.recent.share(), Kind: kind, Reason: reason, Message: message,
	}
	t.kept.Timeline = append(t.kept.Timeline, e)
	fmt.Fprintln(t.out, e.line())
}

// kpis are the KPIs of the last check, in short.
func (s status) kpis() string {
	var all []string
	for _, kpi := range s.Metrics {
		if kpi.Value != nil {
			all = append(all, fmt.Sprintf("%s %.4g %s", kpi.Name, *kpi.Value, kpi.Verdict))
		} else {
			all = append(all, kpi.Name+" "+kpi.Verdict)
		}
	}
	return strings.Join(all, ", ")
}

// line is the entry for a person: second, phase, weight, who served, and what was said.
func (e entry) line() string {
	var shares []string
	for _, version := range slices.Sorted(maps.Keys(e.Share)) {
		shares = append(shares, fmt.Sprintf("v%s %.0f%%", version, e.Share[version]))
	}
	said := strings.TrimSpace(e.Reason + "  " + e.Message)
	line := fmt.Sprintf("%6.1fs  %-12s %3d%%  %-16s  %s", e.Second, cmp.Or(e.Phase, "-"), e.Weight, strings.Join(shares, " "), said)
	return strings.TrimRight(line, " ")
}
