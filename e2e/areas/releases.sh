#!/usr/bin/env bash
# The operator's promises on real pods behind a real Envoy: outcomes, crashes, outages, bad input. What it costs the
# apiserver is counted at the same time on a second cluster, whose pods are fake.
#
#   SERIN_IDLE_SECONDS=600 e2e/test.sh releases    watch fifty idle canaries for ten minutes instead of two
#   SERIN_SEED=N e2e/test.sh releases              kill the operator at the moments that an earlier run printed
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"
source "$E2E/lib/attach.sh"

COSTS=$(mktemp)
trap 'rm -f "$COSTS"' EXIT

main() {
  # The namespace has no way out: everything is fetched and built before.
  cargo test --locked --quiet --no-run --test e2e
  costs >"$COSTS" 2>&1 &
  local counting=$!
  "$E2E/cluster.sh" up
  "$E2E/dataplane/istio.sh" up
  "$E2E/dataplane/prometheus.sh" up
  attach
  ensure_image serin.dev/demo-app:1 "$(e2e_program app)"
  link_inside load "$(e2e_program load)"
  local code=0
  claims releases:: --skip releases::requests:: || code=$?
  wait "$counting" || code=$?
  cat "$COSTS"
  return "$code"
}

# A cluster of its own, that ends with it.
costs() {
  export SERIN_NETNS=$SERIN_NETNS-costs SERIN_STATE=$SERIN_STATE-costs
  trap '"$E2E/cluster.sh" down' EXIT
  "$E2E/cluster.sh" up --kwok
  "$E2E/dataplane/istio.sh" crds
  claims releases::requests::
}

# claims FILTER...: they wait for most of their time, so they all run at once.
claims() {
  # shellcheck disable=SC2016 # the inner shell expands these
  "$E2E/cluster.sh" exec bash -c 'KUBECONFIG=$SERIN_STATE/kubeconfig/test \
    cargo test --locked --offline --no-fail-fast --test e2e -- --test-threads 16 --show-output "$@"' - "$@"
}

main
