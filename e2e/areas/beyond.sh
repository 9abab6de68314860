#!/usr/bin/env bash
# What Flagger has not: windows, order, sizes, previews, requests and ways back, on real pods behind a real Envoy under live traffic.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

mesh_up
# Each has an app, an operator and traffic of its own: all of them at once are too much for two cores.
THREADS=4 claims releases::beyond::
