#!/usr/bin/env bash
# Every router that has a real data plane here: weights, rules, cookies and copies as clients see them, and a whole release
# on each. The last thing is a table: data plane, what was asked, the canary's share in percent, requests, requests lost.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

ROWS=$(mktemp) RELEASES=$(mktemp)
trap 'rm -f "$ROWS" "$RELEASES"' EXIT

main() {
  local code=0 releasing
  cluster_with istio traefik contour appmesh prometheus
  # Releases wait for most of their time, but all at once they start more pods than two cores can.
  THREADS=6 claims releases::planes:: >"$RELEASES" 2>&1 &
  releasing=$!
  # More at once would measure how busy the machine is.
  THREADS=3 claims dataplanes:: | tee "$ROWS" | grep -v '^| ' || code=$?
  wait "$releasing" || code=$?
  cat "$RELEASES"
  table
  # Of what was lost, this one tells why; an Envoy in a pod is gone with its logs.
  ((code == 0)) || tail -n 50 "$SERIN_STATE/log/appmesh-envoy.log"
  return "$code"
}

table() {
  echo
  { echo "| data plane | asked | share | requests | lost |" && grep '^| ' "$ROWS"; } | sed 's/^| //; s/ |$//' | column -t -s '|'
}

main
