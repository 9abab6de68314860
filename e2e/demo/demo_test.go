package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// told is what a teller prints and keeps of these observations, one second apart.
func told(t *testing.T, all ...observation) (string, outcome) {
	t.Helper()
	var out bytes.Buffer
	began := time.Unix(0, 0)
	tell := newTeller(&out, began)
	at := began
	tell.clock = func() time.Time { return at }
	for _, observation := range all {
		at = at.Add(time.Second)
		if err := observation.take(tell); err != nil {
			t.Fatal(err)
		}
	}
	return out.String(), tell.outcome(&tell.traffic)
}

func phase(name string, weight int) canary { return canary{status{Phase: name, Weight: weight}} }

func served(one, two int) tally {
	return tally{Sent: one + two, OK: one + two, Versions: map[string]int{"1": one, "2": two}}
}

func TestAPhaseIsCountedOnceHoweverOftenItIsSeen(t *testing.T) {
	_, got := told(t, phase("Progressing", 20), phase("Succeeded", 0), phase("Succeeded", 0), phase("Progressing", 20), phase("Failed", 0))
	if got.Promoted != 1 || got.RolledBack != 1 || !got.asPromised() {
		t.Errorf("%+v", got)
	}
}

func TestTheShareIsThatOfTheTimeSinceTheWeightChanged(t *testing.T) {
	text, _ := told(t, phase("Progressing", 20), served(50, 0), served(40, 10), served(40, 10), phase("Progressing", 40))
	if want := "   5.0s  Progressing   40%  v1 80% v2 20%"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestKPIsAreToldWhenTheyAreNewAndNotAgain(t *testing.T) {
	rate := 72.345
	judged := canary{status{Phase: "Progressing", Weight: 20, Metrics: []metric{{Name: "request-success-rate", Value: &rate, Verdict: "Fail"}}}}
	text, _ := told(t, phase("Progressing", 20), judged, judged, notice{Message: "halt"})
	if got := strings.Count(text, "request-success-rate 72.3"); got != 1 || strings.Count(text, "\n") != 3 {
		t.Errorf("told %d times:\n%s", got, text)
	}
}

func TestALostRequestBreaksThePromiseAndIsToldAtOnce(t *testing.T) {
	lost := tally{Sent: 1, Lost: 1, Failures: map[string]int{"broken": 1}}
	text, got := told(t, phase("Succeeded", 0), phase("Failed", 0), lost)
	if got.asPromised() || !strings.Contains(text, "broken:1") || got.sentence() != "demo: 1 promoted, 1 rolled back, 1 requests lost" {
		t.Errorf("%s in\n%s", got.sentence(), text)
	}
}

func TestWithoutALoadNothingIsPromised(t *testing.T) {
	if got := (outcome{Promoted: 1, RolledBack: 1}); got.asPromised() || !strings.Contains(got.sentence(), "not counted") {
		t.Errorf("%+v", got)
	}
}

func TestARepeatedEventIsToldAgainOnlyWhenItsCountGrows(t *testing.T) {
	event := notice{Type: "Warning", Message: "halt", Count: 1}
	again := event
	again.Count = 2
	text, _ := told(t, event, event, again)
	if got := strings.Count(text, "halt"); got != 2 {
		t.Errorf("told %d times:\n%s", got, text)
	}
}

func TestAWatchThatEndsEarlyEndsThePlay(t *testing.T) {
	if err := (ended{what: "canaries"}).take(newTeller(&bytes.Buffer{}, time.Now())); err == nil {
		t.Error("went on")
	}
}

func TestNoWatchOutlivesThePlay(t *testing.T) {
	dir := t.TempDir()
	kubectl := "#!/bin/sh\necho '{\"object\":{}}'\necho $$ >>" + dir + "/pids\nexec sleep 60\n"
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	stop, cancel := context.WithCancel(context.Background())
	seen := make(chan observation)
	watches := follow(stop, "demo", "hello", seen)
	<-seen
	<-seen
	cancel()
	watches.Wait()
	pids, _ := os.ReadFile(filepath.Join(dir, "pids")) // one that had no time to write its own is dead too
	for _, text := range strings.Fields(string(pids)) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("the watch %d still runs", pid)
		}
	}
}
