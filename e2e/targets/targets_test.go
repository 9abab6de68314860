package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"serin.dev/e2e/watch"
)

func podEvent(kind, name, ip, scrape string) string {
	return fmt.Sprintf(`{"type":%q,"object":{"metadata":{"name":%q,"namespace":"demo","labels":{"app":"podinfo"},
		"annotations":{"prometheus.io/scrape":%q,"prometheus.io/port":"8080"}},"status":{"phase":"Running","podIP":%q}}}`, kind, name, scrape, ip)
}

func TestTheFileFollowsTheAnnotatedPods(t *testing.T) {
	out := filepath.Join(t.TempDir(), "targets.json")
	stream := podEvent("ADDED", "a", "", "true") + // no address yet
		podEvent("MODIFIED", "a", "10.0.0.1", "true") +
		podEvent("ADDED", "b", "10.0.0.2", "true") +
		podEvent("ADDED", "c", "10.0.0.3", "false") +
		podEvent("MODIFIED", "a", "10.0.0.1", "true") + // nothing new
		podEvent("DELETED", "b", "10.0.0.2", "true")
	if err := watch.Decode(strings.NewReader(stream), keep(out, targets{})); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); !strings.Contains(got, `"10.0.0.1:8080"`) || strings.Contains(got, "10.0.0.2") || strings.Contains(got, "10.0.0.3") {
		t.Error(got)
	}
}

func TestOnlyAChangeOfTheTargetsCounts(t *testing.T) {
	known := targets{}
	for _, step := range []struct {
		event   string
		changes bool
	}{
		{podEvent("ADDED", "a", "10.0.0.1", "true"), true},
		{podEvent("MODIFIED", "a", "10.0.0.1", "true"), false},
		{podEvent("MODIFIED", "a", "10.0.0.9", "true"), true},
		{podEvent("DELETED", "other", "10.0.0.2", "true"), false},
		{podEvent("DELETED", "a", "10.0.0.9", "true"), true},
	} {
		see := func(e watch.Event[pod]) error {
			if known.see(e) != step.changes {
				t.Errorf("want %v for %s", step.changes, step.event)
			}
			return nil
		}
		if err := watch.Decode(strings.NewReader(step.event), see); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABrokenStreamIsAnErrorAndNotAnEnd(t *testing.T) {
	if err := watch.Decode(strings.NewReader(`{"type":"ADDED","obj`), keep("", targets{})); err == nil {
		t.Error("taken as a whole stream")
	}
}
