#!/usr/bin/env bash
# KPI providers that want to know who asks, as processes beside the control plane: a second Prometheus behind TLS and a
# password, and InfluxDB, built from its Go module on first use (two minutes).
#
#   providers.sh up     bring up what does not run
#   providers.sh down   end it
#
# User and password of both are in providers/web.yml and below; the certificate is the cluster's own.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"

USER_AND_PASSWORD=reader:planted-password-4711
INFLUXDB=http://127.0.0.1:8087

main() {
  attach
  case ${1:-} in
    up) up ;;
    down) daemon_end locked-prometheus && daemon_end influxdb ;;
    *) die "providers.sh: \"${1:-}\" is not a command: up, down" ;;
  esac
}

up() {
  go_tools influxdb github.com/influxdata/influxdb/cmd/influxd
  [[ -x $SERIN_CACHE/prometheus/prometheus ]] || die "there is no Prometheus yet: e2e/dataplane/prometheus.sh up"
  stage "Prometheus with a lock" locked_prometheus_up
  stage "InfluxDB" influxdb_up
}

# It scrapes nothing: its rules are the series of every data plane.
locked_prometheus_up() {
  local config=$SERIN_STATE/etc/locked-prometheus
  mkdir -p "$config"
  cp "$E2E/dataplane/providers/"{prometheus,rules,web}.yml "$SERIN_STATE/pki/apiserver."{crt,key} "$config/"
  daemon locked-prometheus "$SERIN_CACHE/prometheus/prometheus" --config.file "$config/prometheus.yml" --web.config.file "$config/web.yml" \
    --storage.tsdb.path "$SERIN_STATE/run/locked-prometheus" --storage.tsdb.retention.time 2h --web.listen-address 127.0.0.1:9443 --log.level warn
  await 30 "a ready Prometheus with a lock" "$SERIN_STATE/log/locked-prometheus.log" \
    inside curl -fsS --cacert "$SERIN_STATE/pki/ca.crt" -u "$USER_AND_PASSWORD" https://127.0.0.1:9443/-/ready
}

influxdb_up() {
  local data=$SERIN_STATE/run/influxdb
  daemon influxdb env INFLUXDB_HTTP_BIND_ADDRESS="${INFLUXDB#http://}" INFLUXDB_HTTP_AUTH_ENABLED=true INFLUXDB_HTTP_FLUX_ENABLED=true \
    INFLUXDB_HTTP_LOG_ENABLED=false INFLUXDB_BIND_ADDRESS=127.0.0.1:8089 INFLUXDB_META_DIR="$data/meta" INFLUXDB_DATA_DIR="$data/data" \
    INFLUXDB_DATA_WAL_DIR="$data/wal" INFLUXDB_REPORTING_DISABLED=true INFLUXDB_MONITOR_STORE_ENABLED=false \
    "$GO_TOOLS/influxd" run -config /dev/null
  await 30 "a ready InfluxDB" "$SERIN_STATE/log/influxdb.log" inside curl -fsS "$INFLUXDB/ping"
  influxdb query --data-urlencode "q=CREATE USER ${USER_AND_PASSWORD%%:*} WITH PASSWORD '${USER_AND_PASSWORD##*:}' WITH ALL PRIVILEGES"
  influxdb query --data-urlencode "q=CREATE DATABASE shop"
  influxdb "write?db=shop" --data-binary $'errors,app=cart rate=0.5 1\nerrors,app=help rate=2 1\nrequests,app=cart count=7i 1'
}

# influxdb PATH CURL_OPTIONS...
influxdb() { inside curl -fsS -o /dev/null -u "$USER_AND_PASSWORD" "$INFLUXDB/$1" "${@:2}"; }

main "$@"
