package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ask sends count requests over one connection to a server that answers with handle.
func ask(t *testing.T, count int, handle http.HandlerFunc) tally {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	return askAt(t, server.URL, count)
}

func askAt(t *testing.T, address string, count int) tally {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	link := connection{target: newTarget(parsed, "app.example", []string{"x-user: insider"}, 200*time.Millisecond)}
	defer link.close()
	found := newTally()
	for range count {
		found.add(link.ask())
	}
	if found.Sent != found.OK+found.Deliberate+found.Lost {
		t.Errorf("does not add up: %+v", found)
	}
	return found
}

func TestAnswersAreCountedByTheVersionThatGaveThem(t *testing.T) {
	n := 0
	found := ask(t, 5, func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("x-version", []string{"1", "2"}[n%2])
		if r.Host != "app.example" {
			t.Errorf("host %q", r.Host)
		}
		if r.Header.Get("x-user") != "insider" {
			t.Errorf("headers %v", r.Header)
		}
	})
	if found.OK != 5 || found.Versions["1"] != 2 || found.Versions["2"] != 3 {
		t.Errorf("%+v", found)
	}
}

func TestOnlyAMarkedErrorIsNotLost(t *testing.T) {
	n := 0
	found := ask(t, 3, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			w.Header().Set("x-deliberate", "1")
		}
		w.WriteHeader([]int{500, 503, 302}[n-1])
	})
	if found.Deliberate != 1 || found.Lost != 2 || found.Failures["status_503"] != 1 || found.Failures["status_302"] != 1 {
		t.Errorf("%+v", found)
	}
}

func TestAKeptConnectionThatBreaksIsLostAndNotSentAgain(t *testing.T) {
	n := 0
	found := ask(t, 3, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 2 {
			socket, _, _ := w.(http.Hijacker).Hijack()
			socket.Close()
		}
	})
	if n != 3 || found.OK != 2 || found.Failures[broken] != 1 || found.Lost != 1 {
		t.Errorf("%d asked: %+v", n, found)
	}
}

func TestHalfAnAnswerIsABrokenConnection(t *testing.T) {
	found := ask(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
	})
	if found.Failures[broken] != 1 {
		t.Errorf("%+v", found)
	}
}

func TestSilenceIsATimeout(t *testing.T) {
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	defer server.Close()
	defer close(released)
	if found := askAt(t, server.URL, 1); found.Failures[timeout] != 1 {
		t.Errorf("%+v", found)
	}
}

func TestAClosedPortIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	if found := askAt(t, "http://"+address+"/", 2); found.Failures[refused] != 2 {
		t.Errorf("%+v", found)
	}
}

func TestTheTimeLineAddsUpToTheSummary(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("x-version", "1") }))
	defer server.Close()
	p := plan{url: server.URL, rate: 200, connections: 4, duration: 1200 * time.Millisecond, timeout: time.Second}
	target, err := p.target()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "timeline"))
	if err != nil {
		t.Fatal(err)
	}
	account := newAccount(time.Now())
	if err := send(context.Background(), p, target, account, file); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(string(written)) {
		var second tally
		if err := json.Unmarshal([]byte(line), &second); err != nil {
			t.Fatal(err)
		}
		sum += second.Versions["1"]
	}
	var text bytes.Buffer
	if err := account.writeSummary(&text, time.Now()); err != nil {
		t.Fatal(err)
	}
	var total tally
	if err := json.Unmarshal(text.Bytes(), &total); err != nil {
		t.Fatal(err)
	}
	if sum == 0 || sum != total.Versions["1"] || total.Lost != 0 {
		t.Errorf("time line %d, summary %+v", sum, total)
	}
}

func TestALoadOfSoManyRequestsSendsEachOfThem(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(20 * time.Millisecond) }))
	defer server.Close()
	// One connection for twenty times what it can carry.
	p := plan{url: server.URL, rate: 1000, connections: 1, duration: time.Minute, requests: 30, timeout: 10 * time.Second}
	target, err := p.target()
	if err != nil {
		t.Fatal(err)
	}
	account := newAccount(time.Now())
	if err := send(context.Background(), p, target, account, nil); err != nil {
		t.Fatal(err)
	}
	if account.total.OK != 30 || account.total.Lost != 0 {
		t.Errorf("%+v", account.total)
	}
}

func TestAPlanOutOfBoundsIsRefusedByName(t *testing.T) {
	good := plan{url: "http://app/", rate: 1, connections: 1, duration: time.Second, timeout: time.Second}
	for name, spoil := range map[string]func(*plan){
		"-url":         func(p *plan) { p.url = "https://app/" },
		"-rate":        func(p *plan) { p.rate = 5001 },
		"-connections": func(p *plan) { p.connections = 0 },
		"-duration":    func(p *plan) { p.duration = 2 * time.Hour },
		"-requests":    func(p *plan) { p.requests = -1 },
		"-header":      func(p *plan) { p.headers = []string{"x-user: a\r\nx-more: b"} },
	} {
		p := good
		spoil(&p)
		if _, err := p.target(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
