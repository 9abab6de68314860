#!/usr/bin/env bash
# What needs no cluster: format, lints, unit tests, laws and simulation.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/check.sh"

# A claim that no area asks for would never run, and one that two ask for fails in the one that lacks its surroundings.
claims_belong_to_one_area() {
  diff <(grep -hoE 'claims( [a-z_:]+::)+' "$E2E"/areas/*.sh | grep -oE '[a-z_:]+::' | sort) \
    <(cargo test --locked --quiet --test e2e -- --list --format terse 2>/dev/null | sed -nE 's/^((releases::)?[a-z_]+::).*: test$/\1/p' | sort -u)
}

for component in rustfmt clippy; do
  rust_component "$component"
done
check "format" cargo fmt --check
check "lints" cargo clippy --locked --quiet --all-targets -- -D warnings
# Targets that are not tested by default are in no list of all targets.
check "lints of the claims" cargo clippy --locked --quiet --test e2e -- -D warnings
cargo test --locked --no-fail-fast
check "every claim belongs to one area" claims_belong_to_one_area
finish
