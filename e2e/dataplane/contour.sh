#!/usr/bin/env bash
# Contour on the cluster: its CRDs, Contour and its Envoy as processes beside the control plane. HTTPProxies and the
# HTTPRoutes of its Gateway come out of the same Envoy.
#
#   contour.sh up     bring up what does not run
#   contour.sh crds   only the definitions, for a cluster without traffic
#   contour.sh url    where it answers, from inside the cluster's network
#   contour.sh down   end it
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"
source "$E2E/lib/envoy.sh"

main() {
  attach
  case ${1:-} in
    up) up ;;
    crds) crds ;;
    url) echo "http://$NODE_ADDRESS:8080/" ;;
    down) down ;;
    *) die "contour.sh: \"${1:-}\" is not a command: up, crds, url, down" ;;
  esac
}

up() {
  go_tools contour github.com/projectcontour/contour/cmd/contour
  crds
  stage "Contour" contour_up
  stage "Contour's Envoy" envoy_up
}

crds() {
  stage "definitions of the Gateway API" "$E2E/dataplane/gateway-api.sh"
  stage "Contour's definitions" own_crds
}

own_crds() {
  local source
  source=$(go_module_dir contour github.com/projectcontour/contour)
  definitions httpproxies.projectcontour.io "$source/examples/contour/01-crds.yaml"
}

# Without TLS between Contour and Envoy: both are in the capsule, and nothing else can reach them. The kinds that are
# turned off are those that our newer set of definitions serves in other versions.
contour_up() {
  kubectl apply --server-side --force-conflicts -f "$E2E/dataplane/contour/gateway.yaml" >/dev/null
  daemon contour "$GO_TOOLS/contour" serve --kubeconfig "$KUBECONFIG" --config-path "$E2E/dataplane/contour/contour.yaml" \
    --insecure --xds-address 127.0.0.1 --xds-port 8001 --disable-leader-election \
    --disable-feature backendtlspolicies --disable-feature tlsroutes --disable-feature tcproutes \
    --health-address 127.0.0.1 --health-port 8003 --http-address 127.0.0.1 --http-port 8003
  await 60 "a ready Contour" "$SERIN_STATE/log/contour.log" inside curl -fsS http://127.0.0.1:8003/healthz
}

envoy_up() {
  local bootstrap=$SERIN_STATE/etc/contour-envoy.json
  envoy_binary
  "$GO_TOOLS/contour" bootstrap "$bootstrap" --xds-address 127.0.0.1 --xds-port 8001 --admin-address "$SERIN_STATE/run/contour-envoy.sock"
  daemon contour-envoy "$ENVOY" --config-path "$bootstrap" --service-cluster contour --service-node contour-envoy \
    --base-id 1 --concurrency 2 --log-level warn
  await 60 "Contour's Envoy" "$SERIN_STATE/log/contour-envoy.log" inside curl -fsS http://127.0.0.1:8002/ready
}

down() {
  daemon_end contour-envoy
  daemon_end contour
  kubectl delete -f "$E2E/dataplane/contour/gateway.yaml" --ignore-not-found
}

main "$@"
