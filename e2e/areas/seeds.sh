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

# Where the seeds of other lives begin: StatefulSets and DaemonSets in place, groups (src/sim).
IN_PLACE=$((1 << 32)) ON_NODES=$((1 << 33)) GROUPS_OF_CANARIES=$((1 << 34))

main() {
  operator_build
  check "$SEEDS seeds hold every invariant" in_parallel 0 "$SEEDS"
  check "a hundredth of that with StatefulSets in place" in_parallel "$IN_PLACE" $((SEEDS / 100 + 1))
  check "a hundredth of that with DaemonSets in place" in_parallel "$ON_NODES" $((SEEDS / 100 + 1))
  check "a four-hundredth of that with groups of canaries" in_parallel "$GROUPS_OF_CANARIES" $((SEEDS / 400 + 1))
  "$OPERATOR" simulate --seed 0 --count 50 --bench
  finish
}

# in_parallel FIRST COUNT: a share of the seeds for each core.
in_parallel() {
  local cores share first code=0 players=()
  cores=$(nproc)
  share=$((($2 + cores - 1) / cores))
  for ((first = $1; first < $1 + $2; first += share)); do
    "$OPERATOR" simulate --seed "$first" --count "$share" &
    players+=($!)
  done
  for player in "${players[@]}"; do
    wait "$player" || code=1
  done
  return "$code"
}

main
