# The capsule: one network, one PID and one mount namespace in which everything of a cluster runs. Nothing listens on
# the machine's own addresses, no mount is seen outside, and ending its first process ends all others with it.
# shellcheck shell=bash

# Inside the capsule these are empty: containerd and the kubelet have fixed places, and two clusters must not meet there.
CAPSULE_OWN_DIRS=(/run/netns /run/containerd /var/lib/cni /var/log/containers)

# The machine's pid of the capsule's first process; fails when there is none. It is looked for in the network namespace,
# not in a file, so that a cluster whose state directory is gone can still be ended.
capsule_pid() {
  local pid
  [[ -e /run/netns/$SERIN_NETNS ]] || return 1
  for pid in $(ip netns pids "$SERIN_NETNS"); do
    if awk '/^NSpid:/ { found = NF == 3 && $3 == 1 } END { exit !found }' "/proc/$pid/status" 2>/dev/null; then
      echo "$pid"
      # A bare `return` in an exit trap would say what failed before the trap.
      return 0
    fi
  done
  return 1
}

capsule_up() {
  ! CAPSULE=$(capsule_pid) || return 0
  rm -rf "$SERIN_STATE/run"
  mkdir -p "$SERIN_STATE/run" "$SERIN_STATE/log"
  mkdir -p "$SERIN_STATE/etc" "${CAPSULE_OWN_DIRS[@]}"
  network_up
  # The machine's name server cannot be reached from the namespace: every question to it would wait for its timeout.
  printf 'nameserver %s\nsearch svc.cluster.local cluster.local\noptions ndots:5\n' "$NODE_ADDRESS" >"$SERIN_STATE/etc/resolv.conf"
  nsenter --net="/run/netns/$SERIN_NETNS" setsid --fork \
    unshare --pid --fork --mount-proc bash "$E2E/lib/capsule-init.sh" "$SERIN_STATE/etc/resolv.conf" "${CAPSULE_OWN_DIRS[@]}" \
    </dev/null >"$SERIN_STATE/log/capsule.log" 2>&1 3>&- 9>&-
  await 10 "the capsule $SERIN_NETNS" "$SERIN_STATE/log/capsule.log" capsule_is_ready
  CAPSULE=$(capsule_pid)
}

# The init says "ready" once its mounts are made.
capsule_is_ready() { capsule_pid && grep -q ready "$SERIN_STATE/log/capsule.log"; }

# The node's address sits on a bridge without ports, because some kernels have no dummy links. The default route lets
# the processes of the namespace itself reach Service addresses; no packet leaves by it.
network_up() {
  [[ ! -e /run/netns/$SERIN_NETNS ]] || return 0
  ip netns add "$SERIN_NETNS"
  ip -n "$SERIN_NETNS" link set lo up
  ip -n "$SERIN_NETNS" link add node type bridge
  ip -n "$SERIN_NETNS" address add "$NODE_ADDRESS/24" dev node
  ip -n "$SERIN_NETNS" link set node up
  ip -n "$SERIN_NETNS" route add default dev node
  nsenter --net="/run/netns/$SERIN_NETNS" bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# Ends the capsule and all that runs in it, then its network. A cluster that is not there is no error.
capsule_down() {
  local pid
  if pid=$(capsule_pid); then
    kill -KILL "$pid"
    await 20 "the end of the capsule $SERIN_NETNS" /dev/null capsule_is_gone
  fi
  [[ ! -e /run/netns/$SERIN_NETNS ]] || ip netns delete "$SERIN_NETNS"
}

capsule_is_gone() { ! capsule_pid; }

# inside COMMAND...: runs it in all of the capsule's namespaces.
inside() { nsenter --target "$CAPSULE" --net --pid --mount -- "$@"; }

# daemon NAME COMMAND...: starts it in the capsule unless it runs; log/NAME.log and run/NAME.pid (a pid of the capsule). It
# outlives whoever reads the caller's output, which may be descriptor 3, and the lock on 9.
daemon() {
  local name=$1
  shift
  ! daemon_runs "$name" || return 0
  # shellcheck disable=SC2016 # the inner shell expands these
  inside setsid --fork bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$SERIN_STATE/run/$name.pid" "$@" \
    </dev/null >>"$SERIN_STATE/log/$name.log" 2>&1 3>&- 9>&-
}

daemon_runs() {
  local pid
  pid=$(cat "$SERIN_STATE/run/$1.pid" 2>/dev/null) && inside kill -0 "$pid" 2>/dev/null
}

# daemon_end NAME: asks it to end and waits for that.
daemon_end() {
  daemon_runs "$1" || return 0
  inside kill "$(<"$SERIN_STATE/run/$1.pid")"
  await 20 "the end of $1" "$SERIN_STATE/log/$1.log" eval "! daemon_runs '$1'"
}
