# What all scripts of the cluster agree on. Sourced; CLUSTER names the cluster, so that several can run on one machine.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
bin=$checkout/.tools/bin
cluster=${CLUSTER:-default}
[[ $cluster =~ ^[a-z][a-z0-9-]{0,19}$ ]] || { echo "CLUSTER=$cluster: use up to 20 lower-case letters, digits and dashes." >&2; exit 2; }

runs=/run/smi-mesh              # all clusters of this machine
run=$runs/$cluster              # sockets and process ids: short paths, since a socket's may have 108 bytes
state=$checkout/.cluster/$cluster # certificates, etcd, containerd, logs

# Addresses of documentation and benchmarks (RFC 5737, RFC 2544): no real network has them, and nothing leads there.
# Clusters share no network, so all of them use the same ones.
pods=198.18.0.0/16
services=198.19.0.0/20
api_service=198.19.0.1
dns_service=198.19.0.10
api=192.0.2.11

# Sets what differs between nodes: use_node 2
use_node() {
  node=node-$1
  node_address=192.0.2.1$1
  node_pods=198.18.$1.0/24
  netns=smi-mesh-$cluster-$node
  group=smi-mesh-$cluster-$node # of control groups
  node_run=$run/$node
  node_state=$state/$node
}

require_root() {
  [ "$(id -u)" = 0 ] || { echo "A node needs root for its namespaces: run this as root, or point KUBECONFIG at a cluster of yours." >&2; exit 1; }
}

alive() { # whether the process of a file of ids is still the one that was started
  local pid name
  [ -f "$1" ] && read -r pid name <"$1" && grep -qs -- "$name" "/proc/$pid/cmdline"
}

in_node() { # runs a command in all namespaces of the node in use
  local pid _
  read -r pid _ <"$node_run/pids/init"
  # without --wdns, nsenter would change to the root and relative paths would mean something else
  nsenter --target "$pid" --mount --net --pid --uts --ipc --wdns="$PWD" -- "$@"
}
