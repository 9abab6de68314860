#!/usr/bin/env bash
# The definitions of the Gateway API, from the module that Traefik is built with. Safe to repeat.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
source "$E2E/lib/attach.sh"

attach
SOURCE=$(go_module_dir traefik sigs.k8s.io/gateway-api)/config/crd
FILES=()
# Only the definitions: what else is there would refuse an older set.
for file in "$SOURCE"/standard/*.yaml; do
  # Controllers read a version of these that the standard set serves no more.
  [[ $file != *_tcproutes.yaml ]] || file=$SOURCE/experimental/${file##*/}
  ! grep -q '^kind: CustomResourceDefinition' "$file" || FILES+=("$file")
done
definitions httproutes.gateway.networking.k8s.io "${FILES[@]}"
