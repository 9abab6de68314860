# For scripts that add something to the cluster that cluster.sh made: its environment, and images of its own.
# shellcheck shell=bash

# attach: uses the cluster that runs; ends when there is none.
attach() {
  local part
  for part in packages build capsule image; do
    # shellcheck disable=SC1090
    source "$E2E/lib/$part.sh"
  done
  CAPSULE=$(capsule_pid) || die "the cluster $SERIN_NETNS does not run: e2e/cluster.sh up"
  eval "$("$E2E/cluster.sh" env)"
}

# e2e_program NAME: builds a program of e2e/go.mod and prints its path. Go's own cache makes this quick.
e2e_program() {
  local out=$SERIN_CACHE/bin/e2e/$1
  (cd "$E2E" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$out" "./$1") || die "e2e/$1 does not build"
  echo "$out"
}

# ensure_image NAME:TAG BINARY [image.sh's options]: puts the image into the cluster unless it is there with the same bytes.
ensure_image() {
  local name=$1 mark sum
  mark=$SERIN_STATE/run/images/${1//[:\/]/_}
  sum=$(printf '%s ' "$@" | cat - "$2" | sha256sum)
  [[ $sum != "$(cat "$mark" 2>/dev/null)" ]] || return 0
  mkdir -p "${mark%/*}"
  image "$name" "$mark.tar" "${@:2}"
  image_import "$mark.tar"
  rm "$mark.tar"
  echo "$sum" >"$mark"
}

# apply_rendered FILE: applies a manifest with the cluster's own address filled in.
apply_rendered() {
  local text
  text=$(<"$1")
  kubectl apply --server-side --force-conflicts -f - <<<"${text//'${NODE_ADDRESS}'/$NODE_ADDRESS}" >/dev/null
}

# link_inside NAME PROGRAM: makes NAME a command that runs in the cluster's network.
link_inside() {
  printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s %s "$@"\n' "$SERIN_NETNS" "$2" >"$SERIN_STATE/bin/$1"
  chmod +x "$SERIN_STATE/bin/$1"
}

# definitions NAME FILE...: applies CRDs and waits until the one called NAME is served.
definitions() {
  local name=$1 file files=()
  shift
  for file in "$@"; do
    files+=(-f "$file")
  done
  kubectl apply --server-side --force-conflicts "${files[@]}" >/dev/null
  # A definition that was written just now has no conditions at all, which kubectl does not wait for.
  await 30 "the definition $name" /dev/null kubectl wait --for condition=Established "crd/$name" --timeout 1s
}
