#!/usr/bin/env bash
# Claims about serin on a real Kubernetes with real pods.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

cluster_with
claims apiserver:: harness:: objects::
