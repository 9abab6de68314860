# The operator as its users get it: a static release binary in an image, installed through its chart.
# shellcheck shell=bash

# operator_build: leaves the path of the binary in OPERATOR.
operator_build() {
  local target
  target=$(rustc -vV | sed -n 's/^host: //p')
  # With a target named, the flag does not reach build scripts and macros, which cannot be static.
  (cd "$E2E/.." && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target")
  OPERATOR=${CARGO_TARGET_DIR:-$E2E/../target}/$target/release/serin
  ! ldd "$OPERATOR" 2>/dev/null | grep -q '=>' || die "$OPERATOR is not static: an image with nothing else in it could not start it"
}

# operator_build_ahead: the same beside other work, which leaves gaps on every core. Whoever needs it builds it all the same, by cargo's
# lock after this one, and is told what this one keeps to itself.
operator_build_ahead() {
  operator_build >/dev/null 2>&1 3>&- &
  AHEAD=$!
}

# operator_build_abandoned: ends what goes on ahead, if anything does.
operator_build_abandoned() {
  [[ -z ${AHEAD:-} ]] || kill "$AHEAD" 2>/dev/null || true
}

# operator_image: leaves the image's name in IMAGE. The tag is made from the bytes, so that a new build is a new rollout.
operator_image() {
  local sum
  sum=$(sha256sum "$OPERATOR")
  IMAGE=serin.local/serin:${sum:0:12}
  ensure_image "$IMAGE" "$OPERATOR"
}

# operator_install IMAGE PROMETHEUS_URL
operator_install() {
  helm upgrade serin "$E2E/../charts/serin" --install --take-ownership --namespace serin-system --create-namespace --wait --timeout 90s \
    --set image.repository="${1%:*}",image.tag="${1##*:}",image.pullPolicy=IfNotPresent \
    --set metricsServer="$2" --set "routers={istio}" >/dev/null ||
    die "the operator did not start: kubectl -n serin-system describe pods"
}
