#!/usr/bin/env bash
# Comparisons with the primary beside thresholds, on real traffic at known error rates, by a real Prometheus.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

mesh_up
claims releases::verdicts::
