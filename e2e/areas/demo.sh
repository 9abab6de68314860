#!/usr/bin/env bash
# The main job, whole: a good release promoted, a bad one rolled back, no request lost.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"

check "the demo does as it promises" "$E2E/demo.sh"
finish
