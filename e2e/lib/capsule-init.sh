#!/usr/bin/env bash
# The first process of a capsule: puts the resolv.conf that it is given in the machine's place, hides the directories
# that it is given, and then reaps whatever dies.
set -euo pipefail

mount --bind "$1" /etc/resolv.conf
shift
for dir in "$@"; do
  mount -t tmpfs tmpfs "$dir"
done
echo ready
# bash reaps orphans while it waits; a bare `sleep` as first process would leave them as zombies.
while :; do
  sleep infinity &
  wait $!
done
