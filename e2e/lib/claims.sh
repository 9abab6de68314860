# What the areas share that run Rust claims (e2e/tests) against the cluster.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/check.sh"
source "$E2E/lib/attach.sh"

# mesh_up: a cluster with Istio, Prometheus, the demo app's image and the load.
mesh_up() { cluster_with istio prometheus; }

# cluster_with PART...: a cluster with these parts of e2e/dataplane, the demo app's image and the load. Areas that run side by
# side want the same one: the first brings it up, and unlocks by word, since what it starts keeps the lock's file open.
cluster_with() {
  local part turn
  exec {turn}>"$SERIN_STATE.lock"
  flock "$turn"
  # The namespace has no way out: everything is fetched and built before.
  cargo test --locked --quiet --no-run --test e2e
  "$E2E/cluster.sh" up
  for part in "$@"; do
    "$E2E/dataplane/$part.sh" up
  done
  attach
  ensure_image serin.dev/demo-app:1 "$(e2e_program app)"
  link_inside load "$(e2e_program load)"
  flock --unlock "$turn"
}

# claims FILTER...: they wait for most of their time, so they all run at once, unless THREADS says how many.
claims() {
  # shellcheck disable=SC2016 # the inner shell expands these
  "$E2E/cluster.sh" exec bash -c 'KUBECONFIG=$SERIN_STATE/kubeconfig/test \
    cargo test --locked --offline --no-fail-fast --test e2e -- --test-threads "$0" --show-output "$@"' "${THREADS:-16}" "$@"
}
