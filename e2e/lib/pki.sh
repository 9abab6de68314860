# Keys, certificates, tokens and kubeconfigs of one cluster. They are worth nothing outside it.
# shellcheck shell=bash

# One token for each actor, so that the audit log tells them apart: name, then groups.
ACTORS=(
  "admin system:masters"
  "serin e2e:actors"
  "flagger e2e:actors"
  "test e2e:actors"
  "coredns e2e:readers"
  "kwok e2e:actors"
  "system:kube-controller-manager "
  "system:kube-scheduler "
  "system:kube-proxy "
  "system:node:node-1 system:nodes"
)

pki_up() {
  local dir=$SERIN_STATE/pki actor
  [[ ! -e $dir/complete ]] || return 0
  mkdir -p "$dir" "$SERIN_STATE/kubeconfig"
  authority
  # The names under which pods and people call the apiserver.
  certificate apiserver "/CN=kube-apiserver" \
    "subjectAltName=IP:$NODE_ADDRESS,IP:${SERVICE_CIDR%.*.*}.0.1,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  # The apiserver shows this one to the kubelet for logs and exec.
  certificate kubelet-client "/O=system:masters/CN=kube-apiserver" "extendedKeyUsage=clientAuth"
  new_key "$dir/service-accounts.key"
  openssl pkey -in "$dir/service-accounts.key" -pubout -out "$dir/service-accounts.pub" 2>/dev/null
  : >"$dir/tokens.csv"
  for actor in "${ACTORS[@]}"; do
    actor_token "${actor%% *}" "${actor#* }"
  done
  : >"$dir/complete"
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

authority() {
  new_key "$SERIN_STATE/pki/ca.key"
  openssl req -x509 -new -key "$SERIN_STATE/pki/ca.key" -subj /CN=serin-e2e -days 3650 -out "$SERIN_STATE/pki/ca.crt" 2>/dev/null
}

# certificate NAME SUBJECT EXTENSION
certificate() {
  local base=$SERIN_STATE/pki/$1
  new_key "$base.key"
  openssl req -new -key "$base.key" -subj "$2" -out "$base.csr" 2>/dev/null
  openssl x509 -req -in "$base.csr" -CA "$SERIN_STATE/pki/ca.crt" -CAkey "$SERIN_STATE/pki/ca.key" -CAcreateserial \
    -days 3650 -extfile <(echo "$3") -out "$base.crt" 2>/dev/null
}

# actor_token NAME GROUP: a line for the apiserver and a kubeconfig that carries the same token.
actor_token() {
  local token
  token=$(openssl rand -hex 16)
  printf '%s,%s,%s,"%s"\n' "$token" "$1" "$1" "$2" >>"$SERIN_STATE/pki/tokens.csv"
  cat >"$(kubeconfig_of "$1")" <<EOF
apiVersion: v1
kind: Config
current-context: serin-e2e
contexts: [{name: serin-e2e, context: {cluster: serin-e2e, user: "$1"}}]
clusters: [{name: serin-e2e, cluster: {server: "$APISERVER", certificate-authority: "$SERIN_STATE/pki/ca.crt"}}]
users: [{name: "$1", user: {token: $token}}]
EOF
}

kubeconfig_of() { printf '%s/kubeconfig/%s\n' "$SERIN_STATE" "${1//:/-}"; }
