#!/usr/bin/env bash
# Counts the requests that one user made to the apiserver, from its audit log, as JSON.
#
#   audit.sh USER [FROM [TO]]    times as RFC 3339 in UTC; FROM is within, TO is not; without them from the beginning to the end
#
# A watch counts when it begins, every other request when it ends. A pod's user is system:serviceaccount:NAMESPACE:NAME.
set -euo pipefail

# audit_requests USER [FROM [TO]]: {user, from, to, total, requests: [{verb, resource, count}]}, the most frequent first.
audit_requests() {
  local log=${SERIN_STATE:?is not set: eval \"\$(e2e/cluster.sh env)\"}/log/audit.log
  # grep keeps the parser away from other users' lines: a log of a load test has gigabytes.
  { grep -F "\"username\":\"$1\"" "$log" || true; } | jq -n --arg user "$1" --arg from "${2:-}" --arg to "${3:-}" '
    # Without the Z, times with and without a fraction of a second compare as text.
    def time: rtrimstr("Z");
    def counts: if .verb == "watch" then .stage == "ResponseStarted" else .stage == "ResponseComplete" end;
    def within: (.requestReceivedTimestamp | time) as $t | $t >= ($from | time) and ($to == "" or $t < ($to | time));
    def what:
      .objectRef as $o
      | if $o.resource then
          $o.resource + (if $o.apiGroup then "." + $o.apiGroup else "" end) + (if $o.subresource then "/" + $o.subresource else "" end)
        else .requestURI | split("?")[0] end;
    reduce (inputs | select(.user.username == $user and counts and within)) as $event
      ({}; .["\($event.verb) \($event | what)"] += 1)
    | to_entries
    | map((.key | split(" ")) as $k | {verb: $k[0], resource: $k[1], count: .value})
    | {$user, $from, $to, total: (map(.count) | add // 0), requests: sort_by([-.count, .resource, .verb])}'
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || audit_requests "$@"
