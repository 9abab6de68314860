#!/usr/bin/env bash
# Claims about serin on a real Kubernetes with real pods.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"

# The namespace has no way out: everything is fetched and built before.
cargo test --locked --quiet --no-run --test e2e
"$E2E/cluster.sh" up
# shellcheck disable=SC2016 # the inner shell expands these
"$E2E/cluster.sh" exec bash -c 'KUBECONFIG=$SERIN_STATE/kubeconfig/test cargo test --locked --offline --no-fail-fast --test e2e -- --skip releases::'
