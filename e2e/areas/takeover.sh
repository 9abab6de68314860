#!/usr/bin/env bash
# From Flagger to serin and back, idle and in the middle of a release, with the real Flagger as the peer.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/claims.sh"

mesh_up
go_tools flagger github.com/fluxcd/flagger/cmd/flagger
link_inside flagger "$GO_TOOLS/flagger"
claims releases::takeover::
