#!/usr/bin/env bash
# All tests, from nothing but git, curl, a C compiler, Rust and Go.
#
#   test.sh [AREA...]   areas are the files of e2e/areas; without a name all of them run, in the order of ORDER
#
# The cluster is called serin-test unless SERIN_NETNS says otherwise; one that is up already is used and left alone.
#
# The last line is "N passed, N failed". An area that ends badly without naming a failure counts as one failure.
set -euo pipefail

# A cluster of their own: beside an operator that the demo left there, no claim would hold.
export SERIN_NETNS=${SERIN_NETNS:-serin-test}

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$E2E/lib/capsule.sh"

# What fails fastest comes first. The demo comes last: the operator that it installs works in every namespace, and stays.
ORDER=(unit seeds cluster dataplane routers dataplanes releases providers strategies takeover demo)
LOGS=$SERIN_STATE-tests
PASSED=0 FAILED=0 TABLE=()

main() {
  local areas=("$@") area
  ((${#areas[@]})) || mapfile -t areas < <(all_areas)
  for area in "${areas[@]}"; do
    [[ -f $E2E/areas/$area.sh ]] || die "test.sh: \"$area\" is not an area: $(all_areas | paste -sd ' ')"
  done
  mkdir -p "$LOGS"
  # A cluster that was there before is left alone; one that the tests brought up ends with them.
  capsule_pid >/dev/null 2>&1 || trap end_cluster EXIT
  for area in "${areas[@]}"; do
    run_area "$area"
  done
  printf '%-12s %7s %7s %9s\n' area passed failed seconds "${TABLE[@]}"
  echo "$PASSED passed, $FAILED failed"
  ((FAILED == 0))
}

all_areas() {
  local area
  printf '%s\n' "${ORDER[@]}"
  for area in "$E2E"/areas/*.sh; do
    area=$(basename "$area" .sh)
    [[ " ${ORDER[*]} " == *" $area "* ]] || echo "$area"
  done
}

# run_area NAME: shows what it prints, keeps it in a log and reads its results from there.
run_area() {
  local area=$1 began=$EPOCHREALTIME code=0 passed failed log
  log=$LOGS/$area.log
  echo "== $area"
  bash "$E2E/areas/$area.sh" 2>&1 </dev/null | tee "$log" || code=$?
  read -r passed failed < <(results "$log")
  if ((code != 0 && failed == 0)); then
    failed=1
    say "error: area $area ended with code $code and named no failed test; see $log"
  elif ((passed + failed == 0)); then
    failed=1
    say "error: area $area ran no test; see $log"
  fi
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
  TABLE+=("$area" "$passed" "$failed" "$(seconds_since "$began")")
}

# Ends the cluster; its logs stay beside those of the areas.
end_cluster() {
  capsule_pid >/dev/null 2>&1 || return 0
  rm -rf "$LOGS/cluster"
  cp -r "$SERIN_STATE/log" "$LOGS/cluster"
  "$E2E/cluster.sh" down 2>/dev/null
}

results() {
  sed -nE 's/^(check .*: )?test result: [A-Za-z]+\. ([0-9]+) passed; ([0-9]+) failed.*/\2 \3/p' "$1" |
    awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
}

main "$@"
