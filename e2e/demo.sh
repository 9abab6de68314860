#!/usr/bin/env bash
# The main job, from nothing: a cluster, a data plane and the operator; then, under live traffic, an app is put under a
# Canary, a good revision is released (promoted) and a bad one (rolled back).
#
#   demo.sh           tell what happens; the last line is the outcome, and only the promised one exits with 0
#   demo.sh --json    the same as one JSON document on standard output, progress on standard error
#   demo.sh --down    end the cluster that an earlier demo left up
#
# Where KUBECONFIG names a cluster that cluster.sh did not make, that one is used, with the Istio and Prometheus that it
# has. Then these say where things are:
#   SERIN_IMAGE=REPOSITORY:TAG   DEMO_APP_IMAGE=IMAGE   GATEWAY_URL=http://...   PROMETHEUS_URL=http://...
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$E2E/lib/attach.sh"
source "$E2E/lib/operator.sh"

main() {
  local options=()
  case ${1:-} in
    "") ;;
    --json) options=(-json) ;;
    --down) exec "$E2E/cluster.sh" down ;;
    *) die "demo.sh: \"$1\" is not an option: --json, --down" ;;
  esac
  exec 3>&1 1>&2
  STAGES=$(mktemp)
  trap 'rm -f "$STAGES"; operator_build_abandoned' EXIT
  if [[ -z ${KUBECONFIG:-} || $KUBECONFIG == "$SERIN_STATE"/* ]]; then
    on_own_cluster
  else
    on_given_cluster
  fi
  timed "operator installed" operator_install "$IMAGE" "$PROMETHEUS_URL"
  timed "app is live" app_up
  hint
  "$(e2e_program demo)" "${options[@]}" -stages "$STAGES" -manifest "$E2E/../examples/istio/canary.yaml" \
    -load "$LOAD" -url "$GATEWAY_URL" -host hello.example.com >&3
}

on_own_cluster() {
  require_root
  operator_build_ahead
  timed "cluster is up" "$E2E/cluster.sh" up
  timed "Istio is up" "$E2E/dataplane/istio.sh" up
  timed "Prometheus is up" "$E2E/dataplane/prometheus.sh" up
  attach
  timed "operator is built" operator_build
  timed "images are in the cluster" images
  link_inside load "$(e2e_program load)"
  link_inside serin "$OPERATOR"
  LOAD=$SERIN_STATE/bin/load
  GATEWAY_URL=$("$E2E/dataplane/istio.sh" url)
  PROMETHEUS_URL=http://prometheus.monitoring:9090
  DEMO_APP_IMAGE=$EXAMPLE_IMAGE
}

on_given_cluster() {
  local name
  for name in SERIN_IMAGE DEMO_APP_IMAGE GATEWAY_URL PROMETHEUS_URL; do
    [[ -n ${!name:-} ]] || die "KUBECONFIG=$KUBECONFIG is not a cluster of cluster.sh, so $name must be set (see the top of demo.sh); unset KUBECONFIG for a cluster made here"
  done
  IMAGE=$SERIN_IMAGE
  LOAD=$(e2e_program load)
}

# What examples/istio names; nothing serves it, so on our own cluster it is made and put there.
EXAMPLE_IMAGE=serin.dev/demo-app:1

images() {
  operator_image
  ensure_image "$EXAMPLE_IMAGE" "$(e2e_program app)"
}

# A demo begins anew: what an earlier one left in its namespace would already have been released.
app_up() {
  kubectl delete namespace demo --ignore-not-found --timeout 60s
  kubectl create namespace demo
  sed "s#$EXAMPLE_IMAGE#$DEMO_APP_IMAGE#" "$E2E/../examples/istio/app.yaml" | kubectl apply -f -
  kubectl rollout status deployment/hello --namespace demo --timeout 60s
  await 30 "an answer of the app through the gateway" /dev/null ask_gateway
} >/dev/null

ask_gateway() {
  local curl=(curl -fsS -H "Host: hello.example.com" "$GATEWAY_URL")
  if [[ -n ${CAPSULE:-} ]]; then
    inside "${curl[@]}"
  else
    "${curl[@]}"
  fi
}

# timed TEXT COMMAND...: a stage whose seconds the outcome shows too.
timed() {
  local began=$EPOCHREALTIME
  stage "$@"
  printf '%s\t%s\n' "$(seconds_since "$began")" "$1" >>"$STAGES"
}

hint() {
  [[ -n ${CAPSULE:-} ]] || return 0
  say
  say "The cluster stays up. Look around: eval \"\$(e2e/cluster.sh env)\"; kubectl -n demo describe canary hello; serin --help"
  say "End it:                           e2e/demo.sh --down"
}

main "$@"
