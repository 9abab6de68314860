#!/usr/bin/env bash
# Prometheus on the cluster: Debian's, as a process beside the control plane, scraping every annotated pod each second.
#
#   prometheus.sh up             bring up what does not run; pods ask http://prometheus.monitoring:9090
#   prometheus.sh query PROMQL   ask it for one value
#   prometheus.sh down           end it
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"

main() {
  attach
  case ${1:-} in
    up) stage "Prometheus" up ;;
    query) query "${2:?prometheus.sh query: the PromQL is missing}" ;;
    down) down ;;
    *) die "prometheus.sh: \"${1:-}\" is not a command: up, query, down" ;;
  esac
}

up() {
  local dir=$SERIN_CACHE/prometheus config=$SERIN_STATE/etc/prometheus kubectl targets
  [[ -x $dir/prometheus ]] || fetch "$dir"
  mkdir -p "$config"
  cp "$E2E/dataplane/prometheus/"{prometheus,rules}.yml "$config/"
  apply_rendered "$E2E/dataplane/prometheus/prometheus.yaml"
  # The linked kubectl enters the cluster's network; here it runs inside already and must be the real one.
  kubectl=$(go_tools_dir kubernetes)
  targets=$(e2e_program targets)
  daemon targets env PATH="$kubectl:$PATH" "$targets" -out "$config/targets.json"
  daemon prometheus "$dir/prometheus" --config.file "$config/prometheus.yml" --storage.tsdb.path "$SERIN_STATE/run/prometheus" \
    --storage.tsdb.retention.time 2h --web.listen-address :9090 --log.level warn
  await 30 "a ready Prometheus" "$SERIN_STATE/log/prometheus.log" inside curl -fsS http://127.0.0.1:9090/-/ready
}

# The package is unpacked and not installed: installed, it would start a Prometheus on the machine's own addresses.
fetch() {
  local work
  work=$(mktemp -d)
  chmod 755 "$work"
  (cd "$work" && { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; }) >"$SERIN_STATE/log/apt.log" 2>&1 ||
    die "apt could not download prometheus; see $SERIN_STATE/log/apt.log"
  dpkg-deb --extract "$work"/prometheus_*.deb "$work"
  mkdir -p "$1"
  install "$work"/usr/bin/{prometheus,promtool} "$1/"
  rm -r "$work"
}

query() {
  inside curl -fsS http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" | jq -r '.data.result[] | "\(.metric) \(.value[1])"'
}

down() {
  daemon_end prometheus
  daemon_end targets
  kubectl delete namespace monitoring --ignore-not-found
}

main "$@"
