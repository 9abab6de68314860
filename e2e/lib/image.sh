#!/usr/bin/env bash
# Container images without a container engine: a static binary becomes a tar file that `docker load` and containerd read.
#
#   image.sh NAME:TAG OUT.tar BINARY [--file SOURCE:TARGET] [--label KEY=VALUE] [--env KEY=VALUE] [--user UID]
#
# The binary is the entrypoint. The image holds it, the extra files, a writable /tmp and the CA certificates of this
# machine; its user is 65532 unless --user says otherwise. The same input gives the same bytes.
set -euo pipefail

image() (
  (($# >= 3)) || { echo "error: image.sh NAME:TAG OUT.tar BINARY [--file SOURCE:TARGET] [--label KEY=VALUE] [--env KEY=VALUE] [--user UID]" >&2 && return 2; }
  local name=$1 out=$2 binary=$3 user=65532 labels=() env=() files=() work
  shift 3
  while (($#)); do
    case $1 in
      --file) files+=("$2") ;;
      --label) labels+=("$2") ;;
      --env) env+=("$2") ;;
      --user) user=$2 ;;
      *) echo "error: image.sh: \"$1\" is not an option: --file, --label, --env, --user" >&2 && return 2 ;;
    esac
    shift 2
  done
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  image_files "$work/root" "$binary" "${files[@]}"
  image_pack "$work/root" . "$work/layer.tar"
  image_config "$work/layer.tar" "$user" "/${binary##*/}" "${#labels[@]}" "${labels[@]}" "${env[@]}" >"$work/config.json"
  jq -cn --arg name "$name" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >"$work/manifest.json"
  rm -r "$work/root"
  image_pack "$work" "manifest.json config.json layer.tar" "$out"
)

image_files() {
  local root=$1 binary=$2 file
  shift 2
  mkdir -p "$root/etc/ssl/certs" "$root/tmp"
  chmod 1777 "$root/tmp"
  install -m 755 "$binary" "$root/"
  [[ ! -r /etc/ssl/certs/ca-certificates.crt ]] || install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  for file in "$@"; do
    install -D -m "$(file_mode "${file%%:*}")" "${file%%:*}" "$root/${file#*:}"
  done
}

# file_mode FILE: what runs stays executable; otherwise the umask of whoever checked it out does not matter.
file_mode() { if [[ -x $1 ]]; then echo 755; else echo 644; fi; }

# image_pack DIRECTORY NAMES OUT: a tar file that depends on nothing but the files' names, modes and bytes.
image_pack() {
  # shellcheck disable=SC2086 # several names
  tar --create --file "$3" --directory "$1" --sort name --mtime @0 --owner 0 --group 0 --numeric-owner --format gnu $2
}

# image_config LAYER USER ENTRYPOINT LABEL_COUNT LABEL... ENV...
image_config() {
  local layer=$1 user=$2 entrypoint=$3 label_count=$4 digest arch
  shift 4
  digest=$(sha256sum "$layer" | cut -d ' ' -f 1)
  case $(uname -m) in
    aarch64) arch=arm64 ;;
    *) arch=amd64 ;;
  esac
  jq -cn --arg digest "sha256:$digest" --arg user "$user:$user" --arg entrypoint "$entrypoint" --arg arch "$arch" --argjson labels "$label_count" '
    ($ARGS.positional[:$labels] | map(capture("^(?<key>[^=]*)=(?<value>.*)$")) | from_entries) as $set
    | {
        architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z",
        config: {User: $user, Entrypoint: [$entrypoint], WorkingDir: "/", Labels: $set,
                 Env: (["PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"] + $ARGS.positional[$labels:])},
        rootfs: {type: "layers", diff_ids: [$digest]},
        history: [{created: "1970-01-01T00:00:00Z", created_by: "image.sh"}]
      }' --args "$@"
}

# image_import TAR: into the containerd of the cluster; pods use it with imagePullPolicy: Never.
image_import() { ctr --address "$SERIN_STATE/run/containerd.sock" --namespace k8s.io images import "$1" >/dev/null; }

[[ ${BASH_SOURCE[0]} != "$0" ]] || image "$@"
