# Sourced by up.sh: configuration files of what runs on a node.

write_configuration() {
  mkdir -p "$node_state/conf/cni"
  containerd_configuration | keep "$node_state/conf/containerd.toml"
  network_plugins | keep "$node_state/conf/cni/10-pods.conflist"
  kubelet_configuration | keep "$node_state/conf/kubelet.yaml"
  proxy_configuration | keep "$node_state/conf/kube-proxy.yaml"
  echo "nameserver $dns_service" | keep "$node_state/conf/resolv.conf"
}

# Writes only what differs: kube-proxy ends itself when its file is written, even with the same text.
keep() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE (as in a container) the score can only be raised.
# hugetlb isn't mounted everywhere. The namespaces of pods lie in our state: what ends the node drops them.
containerd_configuration() {
  cat <<T
version = 3
root = "$node_state/containerd"
state = "$node_run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "$node_run/containerd.sock"
[ttrpc]
  address = "$node_run/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.runtime"]
  enable_selinux = false
  disable_apparmor = true
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "$bin/runc"
        SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["$bin/cni"]
    conf_dir = "$node_state/conf/cni"
    use_internal_loopback = true
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "localhost/smi-mesh-test/pause:1"
T
}

# ipMasq off: pods see each other's addresses, and there is no world to hide them from
network_plugins() {
  cat <<J
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$node_run/cni", "ranges": [[{"subnet": "$node_pods"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}
J
}

# Eviction never looks at the disk: how full a contributor's disk is must not decide whether a test passes.
kubelet_configuration() {
  cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$node_run/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$group
failCgroupV1: false
failSwapOn: false
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $state/pki/kubelet-${node#node-}.crt
tlsPrivateKeyFile: $state/pki/kubelet-${node#node-}.key
clusterDomain: cluster.local
clusterDNS: [$dns_service]
resolvConf: $node_state/conf/resolv.conf
syncFrequency: 10s
nodeStatusUpdateFrequency: 5s
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
maxPods: 200
serializeImagePulls: false
podLogsDir: $node_state/pod-logs
volumePluginDir: $node_state/volume-plugins
Y
}

# conntrack limits are the machine's, not the node's: left as they are
proxy_configuration() {
  cat <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ${PROXY_MODE:-nftables}
clusterCIDR: $pods
hostnameOverride: $node
clientConnection: {kubeconfig: $state/pki/kube-proxy.kubeconfig}
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms, syncPeriod: 30s}
iptables: {minSyncPeriod: 100ms, syncPeriod: 30s}
Y
}
