#!/usr/bin/env bash
# Claims about the parts that the demo stands on: the app, the load, the gateway and Prometheus, without the operator.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"
source "$E2E/lib/attach.sh"

RUNS=$(mktemp -d)
trap 'rm -rf "$RUNS"' EXIT

main() {
  "$E2E/cluster.sh" up
  "$E2E/dataplane/istio.sh" up
  "$E2E/dataplane/prometheus.sh" up
  attach
  split_up
  check "the programs' own tests pass" go_tests
  check "the recorded series answer Istio's KPIs" "$SERIN_CACHE/prometheus/promtool" test rules "$E2E/dataplane/prometheus/rules_test.yml"
  check "60/40 is what clients get" weights_are_realised
  check "a change to 10/90 under load loses no request" weights_change_under_load
  check "the canary's success rate is what the app was told" kpi_near 70 2 "$(success_rate two-sides)"
  check "the primary's success rate is whole" kpi_near 100 0 "$(success_rate two-sides-primary)"
  check "the canary's 99th percentile is above its latency" kpi_near 35 15 "$(percentile two-sides)"
  kubectl delete namespace split --wait=false
  finish
}

split_up() {
  ensure_image serin.dev/demo-app:1 "$(e2e_program app)"
  link_inside load "$(e2e_program load)"
  kubectl apply --server-side --force-conflicts -f "$E2E/dataplane/split.yaml" >/dev/null
  kubectl wait --namespace split --for condition=Available deployment --all --timeout 60s >/dev/null
  URL=$("$E2E/dataplane/istio.sh" url)
  await 30 "an answer through the gateway" /dev/null inside curl -fsS -H "Host: split.example.com" "$URL"
}

go_tests() { (cd "$E2E" && go vet ./... && go test ./...); }

# traffic SECONDS NAME: 100 requests a second; the summary goes to $RUNS/NAME.
traffic() { "$SERIN_STATE/bin/load" -url "$URL" -host split.example.com -rate 100 -connections 32 -duration "$1s" -summary "$RUNS/$2"; }

# served NAME: percent of the answers that version 2 gave, rounded.
served() { jq '100 * .versions["2"] / (.versions | add) | round' "$RUNS/$1"; }

lost_none() { jq -e '.lost == 0 and .sent > 0' "$RUNS/$1" >/dev/null || { cat "$RUNS/$1"; return 1; }; }

weights_are_realised() {
  traffic 10 before && lost_none before && near 40 8 "$(served before)"
}

weights_change_under_load() {
  traffic 10 during &
  kubectl patch virtualservices.networking.istio.io two-sides --namespace split --type json -p '[
    {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 10},
    {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 90}]'
  wait $! && traffic 10 after && lost_none during && lost_none after && near 90 6 "$(served after)"
}

# near WANT WITHIN VALUE
near() {
  awk -v want="$1" -v within="$2" -v value="$3" 'BEGIN { d = value - want; exit !(value != "" && d <= within && -d <= within) }' || {
    say "got \"$3\", want $1 and at most $2 away"
    return 1
  }
}

# The built-in queries of the istio router.
success_rate() {
  local of="reporter=\"destination\",destination_workload_namespace=\"split\",destination_workload=~\"$1\""
  echo "sum(rate(istio_requests_total{$of,response_code!~\"5.*\"}[30s])) / sum(rate(istio_requests_total{$of}[30s])) * 100"
}

percentile() {
  local of="reporter=\"destination\",destination_workload_namespace=\"split\",destination_workload=~\"$1\""
  echo "histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{$of}[30s])) by (le))"
}

kpi_near() { near "$1" "$2" "$("$E2E/dataplane/prometheus.sh" query "$3" | awk '{ print $2 }')"; }

main
