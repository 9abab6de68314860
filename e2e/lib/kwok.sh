# Fake nodes for scale: KWOK says that nodes are ready and that pods run; nothing runs.
# SERIN_KWOK_NODES: how many; each takes a million pods.
# shellcheck shell=bash

SERIN_KWOK_NODES=${SERIN_KWOK_NODES:-10}

kwok_up() {
  stage "KWOK with $SERIN_KWOK_NODES nodes" kwok_nodes_up
}

kwok_nodes_up() {
  mkdir -p "$SERIN_STATE/etc"
  kwok_stages >"$SERIN_STATE/etc/kwok.yaml"
  # Without renewed leases the controller-manager marks every pod NotReady after 40 s.
  daemon kwok "$KWOK" --kubeconfig "$(kubeconfig_of kwok)" --config "$SERIN_STATE/etc/kwok.yaml" \
    --manage-all-nodes=true --node-lease-duration-seconds 40 --node-ip "$NODE_ADDRESS" --cidr 10.244.0.0/16
  kwok_node_objects | kube apply --server-side -f - >/dev/null
  await 60 "ready KWOK nodes" "$SERIN_STATE/log/kwok.log" kwok_nodes_are_ready
}

kwok_nodes_are_ready() {
  local ready
  ready=$(kube get nodes --no-headers | awk '$2 == "Ready"' | wc -l)
  ((ready >= SERIN_KWOK_NODES))
}

kwok_stages() {
  local source file
  source=$(go_module_dir kwok sigs.k8s.io/kwok)/kustomize/stage
  for file in "$source"/{node/fast,node/heartbeat-with-lease,pod/fast}/*.yaml; do
    [[ $file == */kustomization.yaml ]] || { echo "---" && cat "$file"; }
  done
}

kwok_node_objects() {
  local i
  for ((i = 1; i <= SERIN_KWOK_NODES; i++)); do
    printf -- '---\napiVersion: v1\nkind: Node\nmetadata: {name: kwok-%d, labels: {type: kwok}}\n' "$i"
  done
}
