# Debian packages that the cluster needs.
# shellcheck shell=bash

# packages NAME...: installs those that are missing, in one go.
packages() {
  local name missing=()
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q ' installed$' || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  local log=$SERIN_STATE/log/apt.log
  mkdir -p "${log%/*}"
  if ! install_packages "${missing[@]}" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    die "apt could not install ${missing[*]}; see $log"
  fi
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  # The lists may be old or absent: they are fetched only when what they say does not work.
  apt-get install -y --no-install-recommends "$@" || {
    apt-get update && apt-get install -y --no-install-recommends "$@"
  }
}
