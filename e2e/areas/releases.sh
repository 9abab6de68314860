#!/usr/bin/env bash
# The operator's promises on real pods behind a real Envoy: outcomes, crashes, outages, bad input. What it costs the
# apiserver is counted at the same time on a second cluster, whose pods are fake.
#
#   SERIN_IDLE_SECONDS=600 e2e/test.sh releases    watch fifty idle canaries for ten minutes instead of two
#   SERIN_SEED=N e2e/test.sh releases              kill the operator at the moments that an earlier run printed
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

COSTS=$(mktemp)
trap 'rm -f "$COSTS"' EXIT

main() {
  mesh_up
  costs >"$COSTS" 2>&1 &
  local counting=$! code=0
  claims releases::bad_input:: releases::bad_queries:: releases::check:: releases::crashes:: releases::outages:: releases::outcomes:: || code=$?
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

main
