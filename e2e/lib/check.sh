# What the areas of e2e/test.sh share. An area tells its results in lines like cargo's "test result: ok. 3 passed; 0 failed".
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$E2E/.." || exit

FAILED_CHECKS=()

# check NAME COMMAND...: one result; a failure is told at once, the area goes on and fails in the end.
check() {
  local name=$1
  shift
  if "$@"; then
    echo "check $name: test result: ok. 1 passed; 0 failed"
  else
    FAILED_CHECKS+=("$name")
    echo "check $name: test result: FAILED. 0 passed; 1 failed"
  fi
}

# finish: the area's exit code.
finish() { ((${#FAILED_CHECKS[@]} == 0)); }

# rust_component NAME: rustfmt and clippy are parts that a toolchain may lack.
rust_component() { cargo "${1/rust/}" --version >/dev/null 2>&1 || rustup component add "$1"; }
