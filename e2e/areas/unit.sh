#!/usr/bin/env bash
# What needs no cluster: format, lints, unit tests, laws and simulation.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"

for component in rustfmt clippy; do
  rust_component "$component"
done
check "format" cargo fmt --check
check "lints" cargo clippy --locked --quiet --all-targets --test e2e -- -D warnings
cargo test --locked --no-fail-fast
finish
