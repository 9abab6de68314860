#!/usr/bin/env bash
# Every router that has a real data plane here: weights, rules, cookies and copies as clients see them, and a whole release
# on each. The last thing is a table: data plane, what was asked, the canary's share in percent, requests, requests lost.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

ROWS=$(mktemp)
trap 'rm -f "$ROWS"' EXIT

main() {
  local code=0
  cluster_with istio traefik contour appmesh prometheus
  # More at once would measure how busy the machine is.
  THREADS=3 claims dataplanes:: | tee "$ROWS" | grep -v '^| ' || code=$?
  claims releases::planes:: || code=$?
  table
  return "$code"
}

table() {
  echo
  { echo "| data plane | asked | share | requests | lost |" && grep '^| ' "$ROWS"; } | sed 's/^| //; s/ |$//' | column -t -s '|'
}

main
