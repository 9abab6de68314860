# What every script here shares: where things live, how progress is told, how something is waited for.
# Nothing in here may start a process or touch the network.
# shellcheck shell=bash

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The network namespace's name also names the cluster: another name and another state directory are another cluster.
export SERIN_NETNS=${SERIN_NETNS:-serin}
# Logs, keys, kubeconfigs and data of one cluster, by default in a place that follows from its name. `down` removes it.
export SERIN_STATE=${SERIN_STATE:-/tmp/$SERIN_NETNS-e2e}
# Built programs; shared by all clusters and kept for ever.
export SERIN_CACHE=${SERIN_CACHE:-$HOME/.cache/serin-e2e}

NODE_ADDRESS=10.250.0.1
SERVICE_CIDR=10.96.0.0/16
DNS_ADDRESS=10.96.0.10
POD_CIDR=10.244.0.0/22
APISERVER=https://$NODE_ADDRESS:6443

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# stage TEXT COMMAND...: runs the command and prints one line with the seconds it took.
stage() {
  local text=$1 began=$EPOCHREALTIME
  shift
  "$@"
  printf '%7.1f s  %s\n' "$(seconds_since "$began")" "$text" >&2
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# await SECONDS WHAT LOG COMMAND...: asks every 0.2 s until the command succeeds; past the bound it names the log and ends.
await() {
  local bound=$1 what=$2 log=$3 deadline
  shift 3
  deadline=$((SECONDS + bound))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      [[ ! -s $log ]] || tail -n 5 "$log" | cut -c -300 >&2
      die "$what was not reached within $bound s; see $log"
    fi
    sleep 0.2
  done
}

# Ends when the caller is not root: namespaces, mounts and cgroups need it.
require_root() {
  ((EUID == 0)) || die "this needs root (network namespaces, mounts, cgroups), and runs as uid $EUID: use sudo"
}
