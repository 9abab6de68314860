#!/usr/bin/env bash
# A real Kubernetes on this machine, in a network namespace of its own, from nothing but Rust, Go and Debian packages.
#
#   cluster.sh up [--kwok]     bring up what does not run; --kwok: fake nodes in place of a kubelet and containerd
#   cluster.sh env             print the exports for a shell: eval "$(e2e/cluster.sh env)"
#   cluster.sh exec COMMAND... run a command inside the namespace with those exports
#   cluster.sh down            end it all and remove its state
#
# SERIN_NETNS: the name of the cluster (serin), another name is another cluster. SERIN_STATE: its place (/tmp/NAME-e2e).
# SERIN_CACHE: built programs (~/.cache/serin-e2e). SERIN_KWOK_NODES: how many fake nodes (10).
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in packages build capsule pki control-plane node kwok image; do
  # shellcheck disable=SC1090
  source "$E2E/lib/$part.sh"
done

main() {
  local verb=${1:-}
  shift || true
  case $verb in
    up) require_root; up "$@" ;;
    down) require_root && down ;;
    env) environment ;;
    exec) require_root && run_inside "$@" ;;
    *) die "cluster.sh: \"$verb\" is not a command: up [--kwok], down, env, exec COMMAND..." ;;
  esac
}

up() {
  local began=$EPOCHREALTIME kind=node
  case ${1:-} in
    "") ;;
    --kwok) kind=kwok ;;
    *) die "cluster.sh up: \"$1\" is not an option; the only one is --kwok" ;;
  esac
  one_at_a_time
  mkdir -p "$SERIN_STATE"
  stage "packages" packages "${BASE_PACKAGES[@]}"
  same_kind_as_before "$kind"
  build_"$kind"
  stage "namespace $SERIN_NETNS" capsule_up
  stage "keys and kubeconfigs" pki_up
  stage "commands" link_commands
  stage "control plane" control_plane_up
  "${kind}_up"
  # shellcheck disable=SC2016 # this is for the reader's shell
  printf '%7.1f s  in all; look around: eval "$(e2e/cluster.sh env)" && kubectl get pods -A\n' "$(seconds_since "$began")" >&2
}

# Two calls for one cluster wait for each other; what they start must not inherit the lock.
one_at_a_time() {
  mkdir -p "$SERIN_CACHE"
  exec 9>"$SERIN_CACHE/$SERIN_NETNS.lock"
  flock 9
}

BASE_PACKAGES=(iproute2 util-linux openssl jq curl)

# A cluster is of one kind from `up` to `down`: a kubelet beside KWOK would fight it for the node.
same_kind_as_before() {
  local was
  was=$(cat "$SERIN_STATE/kind" 2>/dev/null || echo "$1")
  [[ $was == "$1" ]] || die "the cluster in $SERIN_STATE is of kind $was: end it (cluster.sh down), or set SERIN_NETNS to name another one"
  echo "$1" >"$SERIN_STATE/kind"
}

build_node() {
  stage "packages of the node" packages "${NODE_PACKAGES[@]}"
  go_tools kubernetes "${CONTROL_PLANE_PACKAGES[@]}" "${NODE_PROGRAMS[@]}"
  BIN=$GO_TOOLS
}

build_kwok() {
  go_tools kwok sigs.k8s.io/kwok/cmd/kwok
  KWOK=$GO_TOOLS/kwok
  go_tools kubernetes "${CONTROL_PLANE_PACKAGES[@]}"
  BIN=$GO_TOOLS
}

# Commands that enter the namespace by themselves, so that they work from any shell that has the exports. What they
# remember of the API dies with the cluster: the next one has the same address.
link_commands() {
  local name
  mkdir -p "$SERIN_STATE/bin"
  for name in kubectl helm; do
    cat >"$SERIN_STATE/bin/$name" <<EOF
#!/bin/sh
KUBECACHEDIR='$SERIN_STATE/run/kube-cache' exec nsenter --net='/run/netns/$SERIN_NETNS' '$BIN/$name' "\$@"
EOF
    chmod +x "$SERIN_STATE/bin/$name"
  done
}

environment() {
  cat <<EOF
export SERIN_NETNS='$SERIN_NETNS' SERIN_STATE='$SERIN_STATE' SERIN_CACHE='$SERIN_CACHE'
export KUBECONFIG='$(kubeconfig_of admin)'
export PATH='$SERIN_STATE/bin':"\$PATH"
EOF
}

run_inside() {
  (($#)) || die "cluster.sh exec: a command is missing"
  capsule_pid >/dev/null || die "the cluster $SERIN_NETNS does not run: cluster.sh up"
  eval "$(environment)"
  # shellcheck disable=SC2016 # the inner shell expands these
  exec nsenter --net="/run/netns/$SERIN_NETNS" unshare --mount \
    bash -c 'mount --bind "$SERIN_STATE/etc/resolv.conf" /etc/resolv.conf; exec "$@"' - "$@"
}

down() {
  local dir
  one_at_a_time
  stage "processes and network" capsule_down
  stage "cgroups" cgroups_down
  for dir in bin containerd etc etcd kubeconfig kubelet log pki pods run; do
    rm -rf "${SERIN_STATE:?}/$dir"
  done
  rm -f "$SERIN_STATE/kind"
  rmdir --ignore-fail-on-non-empty "$SERIN_STATE" 2>/dev/null || true
}

main "$@"
