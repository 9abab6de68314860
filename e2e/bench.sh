#!/usr/bin/env bash
# What an operator costs and how fast it is, on a real apiserver with fake nodes: one JSON line a figure.
#
#   bench.sh [--canaries N] [--operator CMD]
#
# N canaries (100) of one Deployment each, an interval of 10 s and five steps, without KPIs. CMD is the program with its
# verb; by default serin's release build, and "flagger" builds Flagger itself. It gets the flags that both know.
# SERIN_IDLE_SECONDS: how long it is watched at rest (60).
set -euo pipefail

# A cluster of its own, that ends with it.
export SERIN_NETNS=${SERIN_NETNS:-serin-bench}

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$E2E/lib/attach.sh"
source "$E2E/lib/operator.sh"
source "$E2E/lib/audit.sh"

CANARIES=100 COMMAND=() NAME=serin PID=
IDLE=${SERIN_IDLE_SECONDS:-60}
SPACE=bench

main() {
  options "$@"
  exec 3>&1 1>&2
  require_root
  operator
  trap finish EXIT
  "$E2E/cluster.sh" up --kwok
  "$E2E/dataplane/istio.sh" crds
  attach
  kubectl apply --server-side --force-conflicts -f "$E2E/../crds" >/dev/null
  kubectl create namespace "$SPACE" >/dev/null
  start
  deployments 1 | kubectl create -f - >/dev/null
  stage "$CANARIES Deployments are available" kubectl wait deployment --all --namespace "$SPACE" --for condition=Available --timeout 300s >/dev/null

  measured initialize canaries_created Initialized
  figure rss_mib "$(resident)"
  stage "at rest" at_rest
  measured release revision_pushed Succeeded
  figure rss_mib_after_releases "$(resident)"
}

options() {
  while (($#)); do
    case $1 in
      --canaries) CANARIES=${2:-} ;;
      --operator) read -ra COMMAND <<<"${2:-}" ;;
      *) die "bench.sh: \"$1\" is not an option: --canaries N, --operator CMD" ;;
    esac
    shift 2 || die "bench.sh: $1 wants a value"
  done
  [[ $CANARIES =~ ^[1-9][0-9]{0,4}$ ]] || die "bench.sh: --canaries \"$CANARIES\": want a whole number from 1 to 99999"
}

# operator: makes COMMAND the whole command of the operator, and NAME the user that it is at the apiserver.
operator() {
  case ${COMMAND[*]} in
    "")
      operator_build
      COMMAND=("$OPERATOR" run)
      ;;
    flagger)
      # shellcheck source-path=SCRIPTDIR
      source "$E2E/lib/build.sh"
      go_tools flagger github.com/fluxcd/flagger/cmd/flagger
      COMMAND=("$GO_TOOLS/flagger")
      ;;
  esac
  [[ ${COMMAND[0]} != *flagger ]] || NAME=flagger
}

start() {
  "$E2E/cluster.sh" exec "${COMMAND[@]}" -namespace "$SPACE" -mesh-provider=istio -metrics-server=http://127.0.0.1:9090 \
    -kubeconfig="$SERIN_STATE/kubeconfig/$NAME" -port=10999 >"$SERIN_STATE/log/operator.log" 2>&1 &
  await 60 "a running operator" "$SERIN_STATE/log/operator.log" inside curl -fsS http://127.0.0.1:10999/healthz
  PID=$(pgrep -n -f -- "-port=10999")
}

finish() {
  [[ -z $PID ]] || kill "$PID" 2>/dev/null || true
  "$E2E/cluster.sh" down
}

# measured FIGURE COMMAND PHASE: runs the command, waits until every canary is in the phase, and tells what it took.
measured() {
  local figure=$1 command=$2 phase=$3 began=$EPOCHREALTIME cpu from
  cpu=$(cpu_seconds)
  from=$(now)
  "$command"
  stage "$CANARIES canaries are $phase" await 900 "$CANARIES canaries in $phase" "$SERIN_STATE/log/operator.log" all_are "$phase"
  figure "${figure}_seconds" "$(seconds_since "$began")"
  # Events and scaling follow the status that was waited for.
  sleep 5
  figure "${figure}_cpu_seconds" "$(minus "$(cpu_seconds)" "$cpu")"
  figure "${figure}_requests_per_canary" "$(requests "$from" | jq "100 * .total / $CANARIES | round / 100")"
}

at_rest() {
  local from cpu
  # What was begun ends: drained pods, leases, the last events.
  sleep 20
  from=$(now) cpu=$(cpu_seconds)
  sleep "$IDLE"
  figure idle_requests_per_canary_and_minute "$(requests "$from" | jq "[.requests[] | select(.resource != \"leases.coordination.k8s.io\" and .verb != \"watch\").count] | (add // 0) * 60 / $IDLE / $CANARIES")"
  figure idle_cpu_percent "$(minus "$(cpu_seconds)" "$cpu" | awk -v s="$IDLE" '{ printf "%.2f", 100 * $1 / s }')"
}

canaries_created() { canaries | kubectl create -f - >/dev/null; }

revision_pushed() { deployments 2 | kubectl apply --server-side --force-conflicts -f - >/dev/null; }

all_are() {
  (($(kubectl get canaries --namespace "$SPACE" -o jsonpath='{.items[*].status.phase}' | tr ' ' '\n' | grep -cx "$1") == CANARIES))
}

deployments() {
  local i
  for ((i = 1; i <= CANARIES; i++)); do
    cat <<YAML
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-$i, namespace: $SPACE}
spec:
  selector: {matchLabels: {app: app-$i}}
  template:
    metadata: {labels: {app: app-$i}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: app, image: "example.com/app:$1", env: [{name: VERSION, value: "$1"}]}]
YAML
  done
}

canaries() {
  local i
  for ((i = 1; i <= CANARIES; i++)); do
    cat <<YAML
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app-$i, namespace: $SPACE}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app-$i}
  service: {port: 80}
  analysis: {interval: 10s, threshold: 1, stepWeight: 10, maxWeight: 50}
YAML
  done
}

figure() {
  jq -nc --arg operator "${COMMAND[0]##*/}" --argjson canaries "$CANARIES" --arg figure "$1" --argjson value "$2" '$ARGS.named' >&3
}

requests() { audit_requests "$(user)" "$1"; }

# The apiserver's name for the owner of the kubeconfig.
user() { kubectl --kubeconfig "$SERIN_STATE/kubeconfig/$NAME" auth whoami -o jsonpath='{.status.userInfo.username}'; }

now() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }

cpu_seconds() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$PID/stat"; }

resident() { awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$PID/status"; }

minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a - b }'; }

main "$@"
