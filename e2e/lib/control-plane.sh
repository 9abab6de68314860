# etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of the capsule.
# shellcheck shell=bash

CONTROL_PLANE_PACKAGES=(
  ./etcd
  k8s.io/kubernetes/cmd/kube-apiserver
  k8s.io/kubernetes/cmd/kube-controller-manager
  k8s.io/kubernetes/cmd/kube-scheduler
  k8s.io/kubernetes/cmd/kubectl
  helm.sh/helm/v3/cmd/helm
)

control_plane_up() {
  start_etcd
  start_apiserver
  await 60 "a ready apiserver" "$SERIN_STATE/log/apiserver.log" kube get --raw /readyz
  await 20 "the actors' rights" "$SERIN_STATE/log/apiserver.log" kube apply --server-side -f "$E2E/config/access.yaml"
  start_controller_manager
  start_scheduler
}

start_etcd() {
  # Durability is worth nothing here: the cluster dies with the machine.
  daemon etcd "$BIN/etcd" --name e2e --data-dir "$SERIN_STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster e2e=http://127.0.0.1:2380 --quota-backend-bytes 8589934592 \
    --auto-compaction-mode periodic --auto-compaction-retention 5m
}

start_apiserver() {
  local pki=$SERIN_STATE/pki
  daemon apiserver "$BIN/kube-apiserver" \
    --etcd-servers http://127.0.0.1:2379 \
    --bind-address "$NODE_ADDRESS" --advertise-address "$NODE_ADDRESS" --secure-port 6443 \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
    --token-auth-file "$pki/tokens.csv" --authorization-mode Node,RBAC \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/service-accounts.pub" \
    --service-account-signing-key-file "$pki/service-accounts.key" --service-cluster-ip-range "$SERVICE_CIDR" \
    --allow-privileged --profiling=false --kubelet-preferred-address-types InternalIP \
    --audit-policy-file "$E2E/config/audit-policy.yaml" --audit-log-path "$SERIN_STATE/log/audit.log" --audit-log-maxsize 4000
}

start_controller_manager() {
  local config
  config=$(kubeconfig_of system:kube-controller-manager)
  daemon controller-manager "$BIN/kube-controller-manager" --kubeconfig "$config" --authentication-kubeconfig "$config" \
    --authorization-kubeconfig "$config" --leader-elect=false --use-service-account-credentials \
    --service-account-private-key-file "$SERIN_STATE/pki/service-accounts.key" --root-ca-file "$SERIN_STATE/pki/ca.crt" \
    --cluster-signing-cert-file "$SERIN_STATE/pki/ca.crt" --cluster-signing-key-file "$SERIN_STATE/pki/ca.key" \
    --concurrent-deployment-syncs 20 --concurrent-replicaset-syncs 20 --kube-api-qps 300 --kube-api-burst 600
}

start_scheduler() {
  local config
  config=$(kubeconfig_of system:kube-scheduler)
  daemon scheduler "$BIN/kube-scheduler" --kubeconfig "$config" --authentication-kubeconfig "$config" \
    --authorization-kubeconfig "$config" --leader-elect=false --kube-api-qps 300 --kube-api-burst 600
}

# kube ARGUMENTS...: kubectl as admin.
kube() { KUBECONFIG=$(kubeconfig_of admin) "$SERIN_STATE/bin/kubectl" "$@"; }
