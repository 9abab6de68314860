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
ORDER=(unit seeds cluster dataplane routers dataplanes ownroutes providers releases verdicts strategies takeover beyond demo)
# These wait for most of their time, so those that are asked for run side by side; more of them are too much for two cores.
WAITING=" strategies takeover "
LOGS=$SERIN_STATE-tests
PASSED=0 FAILED=0 TABLE=()

main() {
  local areas=("$@") together area
  ((${#areas[@]})) || mapfile -t areas < <(all_areas)
  for area in "${areas[@]}"; do
    [[ -f $E2E/areas/$area.sh ]] || die "test.sh: \"$area\" is not an area: $(all_areas | paste -sd ' ')"
  done
  mkdir -p "$LOGS"
  # A cluster that was there before is left alone; one that the tests brought up ends with them.
  capsule_pid >/dev/null 2>&1 || trap end_cluster EXIT
  while ((${#areas[@]})); do
    mapfile -t together < <(first_together "${areas[@]}")
    areas=("${areas[@]:${#together[@]}}")
    if ((${#together[@]} == 1)); then
      run_area "${together[0]}"
    else
      run_side_by_side "${together[@]}"
    fi
    for area in "${together[@]}"; do
      count "$area"
    done
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

# first_together AREA...: the first one, or as many as begin the list and wait for most of their time.
first_together() {
  local area
  echo "$1"
  [[ $WAITING == *" $1 "* ]] || return 0
  for area in "${@:2}"; do
    [[ $WAITING == *" $area "* ]] || break
    echo "$area"
  done
}

# run_area NAME: shows what it prints and keeps it in a log, its exit code and its seconds beside it. The area is over when its
# first process is: one that it left behind keeps no pipe open.
run_area() {
  local began=$EPOCHREALTIME code=0 log=$LOGS/$1.log pid
  echo "== $1"
  : >"$log"
  bash "$E2E/areas/$1.sh" >>"$log" 2>&1 </dev/null &
  pid=$!
  tail --lines +1 --follow --sleep-interval 0.5 --pid "$pid" "$log" || true
  wait "$pid" || code=$?
  echo "$code $(seconds_since "$began")" >"$LOGS/$1.end"
}

# run_side_by_side NAME...: each line says whose it is.
run_side_by_side() {
  local area
  for area in "$@"; do
    run_area "$area" 2>&1 | sed -u "s/^/$area | /" &
  done
  wait
}

# count NAME: reads the results of an area from its log.
count() {
  local log=$LOGS/$1.log passed failed code seconds
  read -r code seconds <"$LOGS/$1.end"
  read -r passed failed < <(results "$log")
  if ((code != 0 && failed == 0)); then
    failed=1
    say "error: area $1 ended with code $code and named no failed test; see $log"
  elif ((passed + failed == 0)); then
    failed=1
    say "error: area $1 ran no test; see $log"
  fi
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
  TABLE+=("$1" "$passed" "$failed" "$seconds")
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
