#!/usr/bin/env bash
# Traefik on the cluster, as a process beside the control plane. It reads Ingresses as ingress-nginx does (the canary
# annotations too), its own kinds, and the Gateway API.
#
#   traefik.sh up     bring up what does not run
#   traefik.sh crds   only the definitions, for a cluster without traffic
#   traefik.sh url    where it answers, from inside the cluster's network
#   traefik.sh down   end it
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"

main() {
  attach
  case ${1:-} in
    up) up ;;
    crds) crds ;;
    url) echo "http://$NODE_ADDRESS:8081/" ;;
    down) down ;;
    *) die "traefik.sh: \"${1:-}\" is not a command: up, crds, url, down" ;;
  esac
}

up() {
  go_tools traefik github.com/traefik/traefik/v3/cmd/traefik
  crds
  stage "Traefik" traefik_up
}

crds() {
  stage "definitions of the Gateway API" "$E2E/dataplane/gateway-api.sh"
  stage "Traefik's definitions" own_crds
}

own_crds() {
  local source
  source=$(go_module_dir traefik github.com/traefik/traefik/v3)/docs/content/reference/dynamic-configuration
  definitions traefikservices.traefik.io "$source/kubernetes-crd-definition-v1.yml"
}

traefik_up() {
  kubectl apply --server-side --force-conflicts -f "$E2E/dataplane/traefik/gateway.yaml" >/dev/null
  daemon traefik env KUBECONFIG="$KUBECONFIG" "$GO_TOOLS/traefik" --configFile "$E2E/dataplane/traefik/traefik.yaml"
  await 60 "a ready Traefik" "$SERIN_STATE/log/traefik.log" inside curl -fsS http://127.0.0.1:8082/ping
}

down() {
  daemon_end traefik
  kubectl delete -f "$E2E/dataplane/traefik/gateway.yaml" --ignore-not-found
}

main "$@"
