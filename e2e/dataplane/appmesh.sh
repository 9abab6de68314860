#!/usr/bin/env bash
# App Mesh on the cluster: its definitions, a translator in the place of its control plane, which its vendor has ended, and
# an Envoy; both are processes beside the control plane. Clients ask for Host NAME.NAMESPACE of a VirtualService.
#
#   appmesh.sh up     bring up what does not run
#   appmesh.sh url    where it answers, from inside the cluster's network
#   appmesh.sh down   end it
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"
source "$E2E/lib/envoy.sh"

main() {
  attach
  case ${1:-} in
    up) up ;;
    url) echo "http://$NODE_ADDRESS:8085/" ;;
    down) down ;;
    *) die "appmesh.sh: \"${1:-}\" is not a command: up, url, down" ;;
  esac
}

up() {
  stage "App Mesh's definitions" definitions virtualservices.appmesh.k8s.aws "$E2E/crds/appmesh.k8s.aws.yaml"
  stage "App Mesh's translator" translator_up
  stage "App Mesh's Envoy" envoy_up
}

translator_up() {
  local kubectl translator
  DIRECTORY=$SERIN_STATE/etc/appmesh
  mkdir -p "$DIRECTORY"
  translator=$(e2e_program appmesh)
  # The linked kubectl enters the cluster's network; here it runs inside already and must be the real one.
  kubectl=$(go_tools_dir kubernetes)
  daemon appmesh env PATH="$kubectl:$PATH" "$translator" -out "$DIRECTORY"
  await 20 "the translator's files" "$SERIN_STATE/log/appmesh.log" test -s "$DIRECTORY/routes.json"
}

envoy_up() {
  local bootstrap=$SERIN_STATE/etc/appmesh-envoy.yaml text
  envoy_binary
  text=$(<"$E2E/dataplane/appmesh/envoy.yaml")
  printf '%s\n' "${text//'${DIRECTORY}'/$DIRECTORY}" >"$bootstrap"
  daemon appmesh-envoy "$ENVOY" --config-path "$bootstrap" --base-id 2 --concurrency 2 --log-level warn
  await 60 "App Mesh's Envoy" "$SERIN_STATE/log/appmesh-envoy.log" inside curl -fsS http://127.0.0.1:8086/ready
}

down() {
  daemon_end appmesh-envoy
  daemon_end appmesh
}

main "$@"
