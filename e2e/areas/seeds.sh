#!/usr/bin/env bash
# The simulator on the release build: thousands of seeds, each a life of one canary among crashes, lost wakes, stale caches, people
# who edit, and providers that fail; every invariant holds at every moment.
#
#   SERIN_SEEDS=200000 e2e/test.sh seeds    a longer run
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"
source "$E2E/lib/operator.sh"

SEEDS=${SERIN_SEEDS:-20000}
[[ $SEEDS =~ ^[1-9][0-9]{0,8}$ ]] || die "SERIN_SEEDS=$SEEDS: want a whole number of seeds"

main() {
  operator_build
  check "$SEEDS seeds hold every invariant" in_parallel
  "$OPERATOR" simulate --seed 0 --count 50 --bench
  finish
}

# in_parallel: a share of the seeds for each core.
in_parallel() {
  local cores share first code=0 players=()
  cores=$(nproc)
  share=$(((SEEDS + cores - 1) / cores))
  for ((first = 0; first < SEEDS; first += share)); do
    "$OPERATOR" simulate --seed "$first" --count "$share" &
    players+=($!)
  done
  for player in "${players[@]}"; do
    wait "$player" || code=1
  done
  return "$code"
}

main
