package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	writes := 0
	err := apply(strings.NewReader(stream), targets{}, func(all targets) error { writes++; return all.write(out) })
	if err != nil || writes != 3 {
		t.Fatalf("%d writes, %v", writes, err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); !strings.Contains(got, `"10.0.0.1:8080"`) || strings.Contains(got, "10.0.0.2") || strings.Contains(got, "10.0.0.3") {
		t.Error(got)
	}
}

func TestABrokenStreamIsAnErrorAndNotAnEnd(t *testing.T) {
	if err := apply(strings.NewReader(`{"type":"ADDED","obj`), targets{}, nil); err == nil {
		t.Error("taken as a whole stream")
	}
}
