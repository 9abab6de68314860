#!/usr/bin/env bash
# Releases through routes that are the user's own: weights move in them, and nothing else does. What a rich HTTPRoute was before,
# in the middle and after lies in e2e/out.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

cluster_with istio traefik contour prometheus
# All of them at once are too much for two cores.
THREADS=5 claims releases::ownroutes::
