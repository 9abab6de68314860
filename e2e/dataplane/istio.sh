#!/usr/bin/env bash
# Istio on the cluster: its CRDs, istiod as a process beside the control plane, and a gateway of upstream Envoy in a pod.
#
#   istio.sh up     bring up what does not run
#   istio.sh crds   only the CRDs, for a cluster without traffic
#   istio.sh url    where the gateway answers, from inside the cluster's network
#   istio.sh down   end it
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"
source "$E2E/lib/envoy.sh"

main() {
  attach
  case ${1:-} in
    up) up ;;
    crds) stage "Istio's CRDs" crds ;;
    url) url ;;
    down) down ;;
    *) die "istio.sh: \"${1:-}\" is not a command: up, crds, url, down" ;;
  esac
}

up() {
  go_tools istio istio.io/istio/pilot/cmd/pilot-discovery
  stage "Istio's CRDs" crds
  stage "istiod" istiod_up
  stage "Envoy" envoy_image
  stage "gateway" gateway_up
}

down() {
  kubectl delete namespace istio-system --ignore-not-found
  daemon_end istiod
}

crds() {
  local source
  source=$(go_module_dir istio istio.io/istio)
  definitions virtualservices.networking.istio.io "$source/manifests/charts/base/files/crd-all.gen.yaml"
}

# Without TLS, injection and validation: this istiod only turns routes into Envoy's configuration.
istiod_up() {
  kubectl create namespace istio-system --dry-run=client -o yaml | kubectl apply --server-side -f - >/dev/null
  apply_rendered "$E2E/dataplane/istio/istiod.yaml"
  daemon istiod env POD_NAME=istiod POD_NAMESPACE=istio-system ENABLE_CA_SERVER=false PILOT_CERT_PROVIDER=none \
    VALIDATION_WEBHOOK_CONFIG_NAME= INJECTION_WEBHOOK_CONFIG_NAME= \
    PILOT_ENABLE_METADATA_EXCHANGE=false PILOT_DISABLE_MX_ALPN=true PILOT_ENABLE_ALPN_FILTER=false \
    "$GO_TOOLS/pilot-discovery" discovery --kubeconfig "$KUBECONFIG" --meshConfig "$E2E/dataplane/istio/mesh.yaml" \
    --httpAddr :15080 --httpsAddr "" --grpcAddr :15010 --secureGRPCAddr "" --monitoringAddr :15014 --ctrlz_port 0
  await 60 "a ready istiod" "$SERIN_STATE/log/istiod.log" inside curl -fsS http://127.0.0.1:15080/ready
}

gateway_up() {
  kubectl create configmap envoy --namespace istio-system --from-file "$E2E/dataplane/istio/envoy.yaml" --dry-run=client -o yaml |
    kubectl apply --server-side -f - >/dev/null
  apply_rendered "$E2E/dataplane/istio/gateway.yaml"
  kubectl rollout status deployment/istio-ingressgateway --namespace istio-system --timeout 90s >/dev/null ||
    die "the gateway is not ready: kubectl -n istio-system logs deployment/istio-ingressgateway"
}

url() {
  printf 'http://%s/\n' "$(kubectl get service istio-ingressgateway --namespace istio-system -o jsonpath='{.spec.clusterIP}')"
}

main "$@"
