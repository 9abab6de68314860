#!/usr/bin/env bash
# Every router's objects on a real apiserver, whether a data plane for it can be built here or not.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

cluster_with
for plane in istio traefik contour; do
  "$E2E/dataplane/$plane.sh" crds
done
stage "definitions of the others" definitions services.serving.knative.dev "$E2E"/crds/*.yaml
claims routers::
