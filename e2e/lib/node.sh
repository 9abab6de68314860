# One node with real pods: containerd, kubelet, kube-proxy, and CoreDNS as a process behind the usual Service.
# shellcheck shell=bash

NODE_PACKAGES=(containerd runc containernetworking-plugins iptables conntrack kmod)
NODE_PROGRAMS=(k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-proxy ./coredns ./pause)
CONTAINERD_SOCKET=$SERIN_STATE/run/containerd.sock
PAUSE_IMAGE=serin.local/pause:1
# Two clusters on one machine must not clean up each other's pods.
CGROUP=e2e-$SERIN_NETNS

node_up() {
  mkdir -p "$SERIN_STATE/etc/cni"
  stage "containerd" containerd_up
  stage "node" kubelet_up
  stage "cluster DNS" dns_up
}

containerd_up() {
  rendered containerd.toml >"$SERIN_STATE/etc/containerd.toml"
  rendered cni.conflist >"$SERIN_STATE/etc/cni/10-e2e.conflist"
  daemon containerd containerd --config "$SERIN_STATE/etc/containerd.toml"
  await 30 "a ready containerd" "$SERIN_STATE/log/containerd.log" containerd_ctl version
  if ! containerd_ctl images list -q | grep -qx "$PAUSE_IMAGE"; then
    image "$PAUSE_IMAGE" "$SERIN_STATE/run/pause.tar" "$BIN/pause"
    image_import "$SERIN_STATE/run/pause.tar"
  fi
}

kubelet_up() {
  cgroups_up
  rendered kubelet.yaml >"$SERIN_STATE/etc/kubelet.yaml"
  daemon kubelet "$BIN/kubelet" --config "$SERIN_STATE/etc/kubelet.yaml" --kubeconfig "$(kubeconfig_of system:node:node-1)" \
    --hostname-override node-1 --node-ip "$NODE_ADDRESS" --root-dir "$SERIN_STATE/kubelet"
  daemon kube-proxy "$BIN/kube-proxy" --kubeconfig "$(kubeconfig_of system:kube-proxy)" --hostname-override node-1 \
    --proxy-mode iptables --cluster-cidr "$POD_CIDR" --conntrack-max-per-core 0 \
    --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
  await 60 "a Ready node" "$SERIN_STATE/log/kubelet.log" kube wait --for condition=Ready node/node-1 --timeout 1s
}

dns_up() {
  rendered Corefile >"$SERIN_STATE/etc/Corefile"
  daemon coredns "$BIN/coredns" -conf "$SERIN_STATE/etc/Corefile"
  rendered dns.yaml | kube apply --server-side -f - >/dev/null
  await 30 "a ready CoreDNS" "$SERIN_STATE/log/coredns.log" inside curl -fsS http://127.0.0.1:8181/ready
}

# rendered FILE: a file of e2e/config with ${...} of the settings filled in.
rendered() {
  local text
  text=$(<"$E2E/config/$1")
  local name
  for name in SERIN_STATE CONTAINERD_SOCKET PAUSE_IMAGE NODE_ADDRESS DNS_ADDRESS POD_CIDR CGROUP APISERVER; do
    text=${text//"\${$name}"/${!name}}
  done
  printf '%s\n' "$text"
}

containerd_ctl() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# The hierarchies of cgroup v1, or the single one of v2.
cgroup_roots() {
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    echo /sys/fs/cgroup
  else
    find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d
  fi
}

cgroups_up() {
  local root controller
  for root in $(cgroup_roots); do
    # In v2 a cgroup has only the controllers that its parent hands down, and the kubelet insists on most of them.
    for controller in $(cat "$root/cgroup.controllers" 2>/dev/null); do
      echo "+$controller" >"$root/cgroup.subtree_control" || true
    done
    mkdir -p "$root/$CGROUP"
  done
}

# The kernel lets a cgroup go a moment after its last process.
cgroups_down() { await 20 "the end of the cgroups $CGROUP" /dev/null cgroups_are_gone; }

cgroups_are_gone() {
  local root
  for root in $(cgroup_roots); do
    [[ ! -d $root/$CGROUP ]] || find "$root/$CGROUP" -depth -type d -exec rmdir {} + || return 1
  done
}
