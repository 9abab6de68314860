#!/usr/bin/env bash
# Strategies, hooks, configs, autoscalers and endings on real pods behind a real Envoy.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

mesh_up
claims releases::strategies::
