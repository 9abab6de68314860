#!/usr/bin/env bash
# KPI providers and chats: what real servers answer, what a slow or dead one does to releases, and that no secret shows.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

cluster_with istio prometheus providers
claims releases::providers::
