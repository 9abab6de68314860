package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func set(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	}
}

func answer(a *app, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	a.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
	return recorder
}

func TestOfHundredAnswersExactlyTheErrorRateFails(t *testing.T) {
	for _, rate := range []uint64{0, 1, 30, 99, 100} {
		var failed uint64
		for n := uint64(501); n <= 600; n++ {
			if (behaviour{errorRate: rate}).fails(n) {
				failed++
			}
		}
		if failed != rate {
			t.Errorf("rate %d: %d of 100 failed", rate, failed)
		}
	}
}

func TestAnErrorSaysThatItIsDeliberateAndEveryAnswerNamesItsVersion(t *testing.T) {
	good, bad := newApp(behaviour{version: "1"}, time.Now()), newApp(behaviour{version: "2", errorRate: 100}, time.Now())
	if got := answer(good, "/"); got.Code != 200 || got.Header().Get("x-version") != "1" || got.Header().Get("x-deliberate") != "" {
		t.Errorf("good: %d %v", got.Code, got.Header())
	}
	if got := answer(bad, "/"); got.Code != 500 || got.Header().Get("x-version") != "2" || got.Header().Get("x-deliberate") != "1" {
		t.Errorf("bad: %d %v", got.Code, got.Header())
	}
}

func TestItIsReadyOnlyAfterTheStartDelay(t *testing.T) {
	delayed := behaviour{startDelay: time.Minute}
	if got := answer(newApp(delayed, time.Now()), "/healthz").Code; got != 503 {
		t.Errorf("at the start: %d", got)
	}
	if got := answer(newApp(delayed, time.Now().Add(-2*time.Minute)), "/healthz").Code; got != 200 {
		t.Errorf("later: %d", got)
	}
}

func TestMetricsCountAnswersByStatus(t *testing.T) {
	a := newApp(behaviour{errorRate: 50}, time.Now())
	for range 4 {
		answer(a, "/")
	}
	text := answer(a, "/metrics").Body.String()
	for _, line := range []string{
		`http_requests_total{method="GET",status="200"} 2`,
		`http_requests_total{method="GET",status="500"} 2`,
		`http_request_duration_seconds_bucket{method="GET",status="200",le="+Inf"} 2`,
		`http_request_duration_seconds_count{method="GET",status="500"} 2`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("missing %s in\n%s", line, text)
		}
	}
}

func TestAValueOutOfRangeNamesTheVariable(t *testing.T) {
	for _, wrong := range []string{"101", "-1", "many", ""} {
		_, err := behaviourFrom(set(map[string]string{"ERROR_RATE": wrong}))
		if err == nil || !strings.Contains(err.Error(), "ERROR_RATE") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestWithoutEnvironmentItBehavesWell(t *testing.T) {
	got, err := behaviourFrom(set(nil))
	if want := (behaviour{version: "unknown", port: "8080", lameDuck: 5 * time.Second}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
